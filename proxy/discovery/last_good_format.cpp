// SPDX-License-Identifier: Apache-2.0
#include "proxy/discovery/last_good_format.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

#include "envoy/config/core/v3/base.pb.h"
#include "envoy/service/discovery/v3/discovery.pb.h"

namespace weir::discovery {
namespace {

using envoy::service::discovery::v3::DeltaDiscoveryResponse;

// Head, all numbers little-endian: magic, version (4), length of the body (4), time in ms (8),
// checksum (8) of the head before it and of the body.
constexpr std::string_view kMagic = "weirgood";
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kLengthAt = 12, kTimeAt = 16, kChecksumAt = 24, kHeadSize = 32;

template <class Number>
void append_number(std::string& out, Number number) {
  for (std::size_t i = 0; i < sizeof(number); ++i)
    out.push_back(static_cast<char>(number >> (8 * i) & 0xff));
}

template <class Number>
Number number_at(std::string_view bytes, std::size_t at) {
  Number number = 0;
  for (std::size_t i = 0; i < sizeof(number); ++i)
    number |= static_cast<Number>(static_cast<unsigned char>(bytes[at + i])) << (8 * i);
  return number;
}

/// FNV-1a: against accidents, not against people; of changes within one byte it misses none.
std::uint64_t checksum(std::string_view head, std::string_view body) {
  std::uint64_t sum = 0xcbf29ce484222325;
  for (const std::string_view part : {head, body})
    for (const char c : part) sum = (sum ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return sum;
}

void append_part(std::string& out, const google::protobuf::MessageLite& message) {
  append_number(out, static_cast<std::uint32_t>(message.ByteSizeLong()));
  message.AppendToString(&out);
}

/// The next part of the body, which it is taken from; nullopt: it ends before the part does.
std::optional<std::string_view> take_part(std::string_view& body) {
  if (body.size() < 4) return std::nullopt;
  const std::size_t length = number_at<std::uint32_t>(body, 0);
  if (body.size() - 4 < length) return std::nullopt;
  const std::string_view part = body.substr(4, length);
  body.remove_prefix(4 + length);
  return part;
}

DeltaDiscoveryResponse message_of(const Update& update) {
  DeltaDiscoveryResponse message;
  message.set_type_url(std::string(type_url(update.type)));
  message.set_system_version_info(update.version);
  for (const Resource& resource : update.changed) {
    auto& out = *message.add_resources();
    out.set_name(resource.name);
    out.set_version(resource.version);
    *out.mutable_resource() = resource.body;
  }
  return message;
}

Result<Update> read_update(std::string_view part) {
  DeltaDiscoveryResponse message;
  if (!message.ParseFromArray(part.data(), static_cast<int>(part.size())))
    return Error{"a part of it is not a DeltaDiscoveryResponse"};
  const auto type = xds::find_resource_type(message.type_url());
  if (!type) return Error{"type '" + message.type_url() + "' is unknown"};
  Update update;
  update.type = *type;
  update.version = std::move(*message.mutable_system_version_info());
  update.full_state = true;
  for (auto& resource : *message.mutable_resources())
    update.changed.push_back({std::move(*resource.mutable_name()),
                              std::move(*resource.mutable_version()),
                              std::move(*resource.mutable_resource()), std::string()});
  return update;
}

Result<std::string_view> checked_body(std::string_view bytes) {
  if (bytes.size() < kHeadSize || !bytes.starts_with(kMagic))
    return Error{"it is not such a copy: it does not begin with '" + std::string(kMagic) + "'"};
  if (const auto version = number_at<std::uint32_t>(bytes, kMagic.size()); version != kVersion)
    return Error{"its format is version " + std::to_string(version) + ", and only version " +
                 std::to_string(kVersion) + " is read"};
  const std::string_view body = bytes.substr(kHeadSize);
  const std::size_t length = number_at<std::uint32_t>(bytes, kLengthAt);
  if (body.size() != length)
    return Error{"it is damaged: " + std::to_string(body.size()) + " bytes instead of " +
                 std::to_string(length)};
  if (checksum(bytes.substr(0, kChecksumAt), body) != number_at<std::uint64_t>(bytes, kChecksumAt))
    return Error{"it is damaged: its checksum is wrong"};
  return body;
}

}  // namespace

std::string write_last_good(const LastGood& good) {
  using std::chrono::duration_cast;
  using std::chrono::milliseconds;
  envoy::config::core::v3::Node node;
  node.set_id(good.node_id);
  node.set_cluster(good.node_cluster);
  std::string body;
  append_part(body, node);
  for (const Update& update : good.updates) append_part(body, message_of(update));
  std::string bytes(kMagic);
  append_number(bytes, kVersion);
  append_number(bytes, static_cast<std::uint32_t>(body.size()));
  append_number(bytes, static_cast<std::uint64_t>(
                           duration_cast<milliseconds>(good.saved.time_since_epoch()).count()));
  append_number(bytes, checksum(bytes, body));
  return bytes += body;
}

Result<LastGood> read_last_good(std::string_view bytes) {
  TRY(std::string_view body, checked_body(bytes));
  LastGood good;
  good.saved = std::chrono::system_clock::time_point(std::chrono::milliseconds(
      static_cast<std::int64_t>(number_at<std::uint64_t>(bytes, kTimeAt))));
  envoy::config::core::v3::Node node;
  const auto first = take_part(body);
  if (!first || !node.ParseFromArray(first->data(), static_cast<int>(first->size())))
    return Error{"it does not say which node it is of"};
  good.node_id = node.id();
  good.node_cluster = node.cluster();
  while (!body.empty()) {
    const auto part = take_part(body);
    if (!part) return Error{"a part of it is longer than the rest"};
    TRY(auto update, read_update(*part));
    good.updates.push_back(std::move(update));
  }
  return good;
}

std::string_view content_of_last_good(std::string_view bytes) {
  return bytes.substr(std::min(kHeadSize, bytes.size()));
}

}  // namespace weir::discovery
