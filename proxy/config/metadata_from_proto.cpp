// SPDX-License-Identifier: Apache-2.0
#include "proxy/config/metadata_from_proto.hpp"

#include <algorithm>
#include <tuple>

#include <google/protobuf/struct.pb.h>

#include "envoy/config/core/v3/base.pb.h"
#include "proxy/config/struct_json.hpp"

namespace weir::config {
std::shared_ptr<const http::Metadata> metadata_from_proto(
    const envoy::config::core::v3::Metadata& proto) {
  if (proto.filter_metadata().empty()) return nullptr;
  auto out = std::make_shared<http::Metadata>();
  for (const auto& [space, values] : proto.filter_metadata())
    for (const auto& [key, value] : values.fields()) {
      std::string json;
      append_json(value, json);
      out->entries.push_back({space, key, std::move(json)});
    }
  std::sort(out->entries.begin(), out->entries.end(), [](const auto& one, const auto& other) {
    return std::tie(one.space, one.key) < std::tie(other.space, other.key);
  });
  return out;
}

}  // namespace weir::config
