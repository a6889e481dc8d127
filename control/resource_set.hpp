// SPDX-License-Identifier: Apache-2.0
// ResourceSet: everything that one node may ask for, by type and name, each with the hash of its
// content as version.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace google::protobuf {
class Message;
}

namespace weir::control {

/// The types that are served, in the order in which a client can use them: what is named comes
/// before what names it.
enum class ResourceType : std::uint8_t { cluster, endpoint, listener, route };
inline constexpr ResourceType kResourceTypes[] = {ResourceType::cluster, ResourceType::endpoint,
                                                  ResourceType::listener, ResourceType::route};
inline constexpr std::size_t kResourceTypeCount = std::size(kResourceTypes);

/// "type.googleapis.com/envoy.config.cluster.v3.Cluster".
std::string_view type_url(ResourceType type);
/// "CDS", "EDS", "LDS", "RDS".
std::string_view short_name(ResourceType type);
/// False when nothing has this URL.
bool type_from_url(std::string_view url, ResourceType& type);
/// Whether a client that names nothing gets everything.
constexpr bool has_wildcard(ResourceType type) {
  return type == ResourceType::cluster || type == ResourceType::listener;
}

/// One resource as it travels.
struct Resource {
  std::string version;  // hash of content
  std::string content;  // serialized message
  bool operator==(const Resource&) const = default;
};

using Resources = std::map<std::string, std::shared_ptr<const Resource>, std::less<>>;

/// Immutable once it is shared.
struct ResourceSet {
  Resources by_type[kResourceTypeCount];

  [[nodiscard]] const Resources& of(ResourceType type) const {
    return by_type[static_cast<std::size_t>(type)];
  }
  /// False when the name is taken: the first one stays.
  bool add(ResourceType type, std::string name, const google::protobuf::Message& message);
  bool add(ResourceType type, std::string name, std::shared_ptr<const Resource> resource);
};

/// 32 hexadecimal digits. Equal texts have equal hashes, in every run.
std::string content_hash(std::string_view text);
std::shared_ptr<const Resource> make_resource(const google::protobuf::Message& message);
/// The version of several resources together: changes when a name or a content does.
std::string version_of(const Resources& resources);

}  // namespace weir::control
