// SPDX-License-Identifier: Apache-2.0
#include "proxy/xds/response.hpp"

#include <cstdint>
#include <unordered_set>
#include <utility>

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/stubs/common.h>
#include <google/protobuf/wire_format_lite.h>

#include "envoy/service/discovery/v3/discovery.pb.h"

namespace weir::xds {
namespace {

namespace discovery = envoy::service::discovery::v3;
using google::protobuf::Any;
using google::protobuf::internal::WireFormatLite;

constexpr std::string_view kWrapper = "type.googleapis.com/envoy.service.discovery.v3.Resource";
constexpr std::size_t kLongestText = 4096;

/// Collects the resources of one response.
class Collector {
 public:
  explicit Collector(Response& response) : response_(response) {}

  void add(std::string name, std::string version, Any&& body) {
    // Requests that named it would be no messages.
    if (!google::protobuf::internal::IsStructurallyValidUTF8(name.data(),
                                                             static_cast<int>(name.size())))
      return refuse(name, "its name is no UTF-8");
    if (name.empty()) return refuse({}, "it has no name");
    if (!check_type(name, body.type_url())) return;
    if (!names_.insert(name).second) return refuse(name, "more than one of this name");
    response_.added.push_back({std::move(name), std::move(version), std::move(body)});
  }
  void remove(std::string name) {
    // The one that was added counts, as it does among several of a name.
    if (!names_.insert(name).second) return refuse(name, "both added and removed");
    response_.removed.push_back(std::move(name));
  }
  void confirm(std::string name) { response_.confirmed.push_back(std::move(name)); }
  void refuse(const std::string& name, std::string text) {
    response_.errors.push_back({name, {}, std::move(text)});
  }
  bool check_type(const std::string& name, const std::string& type) {
    if (type == response_.type_url) return true;
    if (response_.refusal.empty())
      response_.refusal = describe_errors(
          {{name, {}, "type '" + type + "' in a response of type '" + response_.type_url + "'"}});
    return false;
  }

 private:
  Response& response_;
  std::unordered_set<std::string> names_;
};

void collect(Any&& body, const std::string& version, Collector& to) {
  if (body.type_url() != kWrapper) {
    if (!to.check_type({}, body.type_url())) return;
    auto name = read_resource_name(body.value());
    if (!name) return to.refuse({}, "its bytes are no protobuf message");
    return to.add(*std::move(name), version, std::move(body));
  }
  discovery::Resource wrapper;
  if (!wrapper.ParseFromString(body.value()))
    return to.refuse({}, "its bytes are no protobuf message");
  if (!wrapper.has_resource()) return to.confirm(std::move(*wrapper.mutable_name()));
  const bool versioned = !wrapper.version().empty();
  to.add(std::move(*wrapper.mutable_name()),
         versioned ? std::move(*wrapper.mutable_version()) : version,
         std::move(*wrapper.mutable_resource()));
}

Response collect(discovery::DiscoveryResponse&& message) {
  Response response;
  response.type_url = std::move(*message.mutable_type_url());
  response.version = std::move(*message.mutable_version_info());
  response.nonce = std::move(*message.mutable_nonce());
  response.added.reserve(static_cast<std::size_t>(message.resources_size()));
  Collector to(response);
  for (Any& body : *message.mutable_resources()) collect(std::move(body), response.version, to);
  return response;
}

Response collect(discovery::DeltaDiscoveryResponse&& message) {
  Response response;
  response.type_url = std::move(*message.mutable_type_url());
  response.version = std::move(*message.mutable_system_version_info());
  response.nonce = std::move(*message.mutable_nonce());
  response.added.reserve(static_cast<std::size_t>(message.resources_size()));
  Collector to(response);
  for (auto& resource : *message.mutable_resources()) {
    // Without a body it only says that the one we have is still good.
    if (!resource.has_resource())
      to.confirm(std::move(*resource.mutable_name()));
    else
      to.add(std::move(*resource.mutable_name()), std::move(*resource.mutable_version()),
             std::move(*resource.mutable_resource()));
  }
  for (std::string& name : *message.mutable_removed_resources()) to.remove(std::move(name));
  return response;
}

template <class Message>
Result<Response> decode(std::string bytes, const char* what) {
  Message message;
  if (!message.ParseFromString(bytes))
    return Error{std::string("message of ") + std::to_string(bytes.size()) + " bytes: not a " +
                 what};
  std::string().swap(bytes);
  return collect(std::move(message));
}

/// Bytes of names come from outside, and a text that is not UTF-8 would end the stream.
std::string printable(std::string text) {
  for (char& c : text)
    if (c < 0x20 || c > 0x7e) c = '?';
  return text;
}

}  // namespace

Result<Response> decode_response(Protocol protocol, std::string bytes) {
  if (protocol == Protocol::sotw)
    return decode<discovery::DiscoveryResponse>(std::move(bytes), "DiscoveryResponse");
  return decode<discovery::DeltaDiscoveryResponse>(std::move(bytes), "DeltaDiscoveryResponse");
}

std::optional<std::string> read_resource_name(std::string_view bytes) {
  // Every type of ours has its name in field 1.
  constexpr std::uint32_t kName =
      WireFormatLite::MakeTag(1, WireFormatLite::WIRETYPE_LENGTH_DELIMITED);
  google::protobuf::io::CodedInputStream in(reinterpret_cast<const std::uint8_t*>(bytes.data()),
                                            static_cast<int>(bytes.size()));
  std::string name;
  for (;;) {
    const std::uint32_t tag = in.ReadTag();
    if (tag == 0) break;
    const bool read =
        tag == kName ? WireFormatLite::ReadString(&in, &name) : WireFormatLite::SkipField(&in, tag);
    if (!read) return std::nullopt;
  }
  if (!in.ConsumedEntireMessage()) return std::nullopt;
  return name;
}

std::string describe_errors(const std::vector<ResourceError>& errors) {
  std::string text;
  for (const ResourceError& error : errors) {
    if (!text.empty()) text += "; ";
    text += "'" + error.name + "': ";
    if (!error.field.empty()) text += error.field + ": ";
    text += error.text;
    if (text.size() > kLongestText) {
      constexpr std::string_view kCut = "...(truncated)";
      text.resize(kLongestText - kCut.size());
      text += kCut;
      break;
    }
  }
  return printable(std::move(text));
}

}  // namespace weir::xds
