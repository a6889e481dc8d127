// SPDX-License-Identifier: Apache-2.0
#include "control/resource_set.hpp"

#include <array>

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/message.h>

namespace weir::control {
namespace {

struct TypeNames {
  std::string_view url;
  std::string_view name;
};
constexpr std::array<TypeNames, kResourceTypeCount> kNames{{
    {"type.googleapis.com/envoy.config.cluster.v3.Cluster", "CDS"},
    {"type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment", "EDS"},
    {"type.googleapis.com/envoy.config.listener.v3.Listener", "LDS"},
    {"type.googleapis.com/envoy.config.route.v3.RouteConfiguration", "RDS"},
}};

const TypeNames& names_of(ResourceType type) { return kNames[static_cast<std::size_t>(type)]; }

/// FNV-1a from two starting points: not for adversaries, who could only keep their own change from
/// being seen.
std::uint64_t fnv1a(std::string_view text, std::uint64_t hash) {
  constexpr std::uint64_t kPrime = 0x100000001b3;
  for (const char c : text) {
    hash ^= static_cast<unsigned char>(c);
    hash *= kPrime;
  }
  return hash;
}

void append_hex(std::uint64_t value, std::string& out) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  for (int shift = 60; shift >= 0; shift -= 4) out += kDigits[(value >> shift) & 0xF];
}

/// Maps in the order of their keys, so that equal messages have equal bytes.
std::string serialize(const google::protobuf::Message& message) {
  std::string out;
  google::protobuf::io::StringOutputStream stream(&out);
  {
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    message.SerializeToCodedStream(&coded);
  }
  return out;
}

}  // namespace

std::string_view type_url(ResourceType type) { return names_of(type).url; }
std::string_view short_name(ResourceType type) { return names_of(type).name; }

bool type_from_url(std::string_view url, ResourceType& type) {
  for (const ResourceType one : kResourceTypes)
    if (type_url(one) == url) {
      type = one;
      return true;
    }
  return false;
}

bool ResourceSet::add(ResourceType type, std::string name,
                      const google::protobuf::Message& message) {
  return add(type, std::move(name), make_resource(message));
}

bool ResourceSet::add(ResourceType type, std::string name,
                      std::shared_ptr<const Resource> resource) {
  return by_type[static_cast<std::size_t>(type)]
      .try_emplace(std::move(name), std::move(resource))
      .second;
}

std::string content_hash(std::string_view text) {
  std::string out;
  append_hex(fnv1a(text, 0xcbf29ce484222325), out);
  append_hex(fnv1a(text, 0x9ae16a3b2f90404f), out);
  return out;
}

std::shared_ptr<const Resource> make_resource(const google::protobuf::Message& message) {
  auto resource = std::make_shared<Resource>();
  resource->content = serialize(message);
  resource->version = content_hash(resource->content);
  return resource;
}

std::string version_of(const Resources& resources) {
  std::string all;
  for (const auto& [name, resource] : resources) {
    all += name;
    all += '\0';
    all += resource->version;
  }
  return content_hash(all);
}

}  // namespace weir::control
