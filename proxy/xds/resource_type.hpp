// SPDX-License-Identifier: Apache-2.0
// ResourceType: the kinds of resources that a control plane sends, and how each is asked for.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace weir::xds {

enum class ResourceType : std::uint8_t { cluster, endpoints, listener, route };
/// State of the world: each response is whole. Delta: each holds what has changed.
enum class Protocol : std::uint8_t { sotw, delta };

/// In the order in which they are asked for: what a resource refers to comes before it.
inline constexpr std::array kResourceTypes{ResourceType::cluster, ResourceType::endpoints,
                                           ResourceType::listener, ResourceType::route};

/// "type.googleapis.com/envoy.config.cluster.v3.Cluster".
std::string_view type_url(ResourceType type) noexcept;
std::optional<ResourceType> find_resource_type(std::string_view url) noexcept;
/// For logs and statistics: "cds".
std::string_view short_name(ResourceType type) noexcept;

/// The path of the gRPC method. nullopt: the aggregated service, which serves all types.
std::string_view method_path(std::optional<ResourceType> type, Protocol protocol) noexcept;

/// In state of the world, what a response does not hold exists no longer. Of the other types it is
/// as it was.
constexpr bool is_full_state(ResourceType type) noexcept {
  return type == ResourceType::cluster || type == ResourceType::listener;
}

/// What is found out about while a response of `type` is applied: asked for once, afterwards.
constexpr std::optional<ResourceType> dependent(ResourceType type) noexcept {
  if (type == ResourceType::cluster) return ResourceType::endpoints;
  if (type == ResourceType::listener) return ResourceType::route;
  return std::nullopt;
}

}  // namespace weir::xds
