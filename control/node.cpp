// SPDX-License-Identifier: Apache-2.0
#include "control/node.hpp"

#include <array>

#include "common/ip.hpp"
#include "envoy/config/core/v3/base.pb.h"

namespace weir::control {
namespace {

/// Empty unless the field is a text.
std::string metadata_text(const envoy::config::core::v3::Node& node, const std::string& name) {
  const auto found = node.metadata().fields().find(name);
  return found == node.metadata().fields().end() ? std::string() : found->second.string_value();
}

void read_id(std::string_view id, NodeIdentity& identity) {
  std::array<std::string_view, 4> parts;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const std::size_t end = id.find('~');
    if ((end == std::string_view::npos) != (i + 1 == parts.size())) return;
    parts[i] = id.substr(0, end);
    id.remove_prefix(end == std::string_view::npos ? id.size() : end + 1);
  }
  if (IpAddress::parse(parts[1])) identity.address = parts[1];
  const std::size_t dot = parts[2].rfind('.');
  if (dot != std::string_view::npos && dot + 1 < parts[2].size())
    identity.name_space = parts[2].substr(dot + 1);
}

}  // namespace

NodeIdentity node_from_proto(const envoy::config::core::v3::Node& node) {
  NodeIdentity identity{.id = node.id()};
  read_id(node.id(), identity);
  if (std::string name = metadata_text(node, "NAMESPACE"); !name.empty())
    identity.name_space = std::move(name);
  const std::string addresses = metadata_text(node, "INSTANCE_IPS");
  const std::string first = addresses.substr(0, addresses.find(','));
  if (IpAddress::parse(first)) identity.address = first;
  return identity;
}

}  // namespace weir::control
