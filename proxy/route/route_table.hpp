// SPDX-License-Identifier: Apache-2.0
// RouteTable: which virtual host and which route a request belongs to. Pure.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/result.hpp"
#include "proxy/route/route_config.hpp"

namespace weir::route {

/// Compiled form of a RouteConfig; immutable, any thread.
class RouteTable {
 public:
  /// Error: Envoy's texts for domains that appear twice, and for a second "*".
  static Result<std::shared_ptr<const RouteTable>> build(std::shared_ptr<const RouteConfig> config);

  /// Exact name, then the longest "*.suffix" or "*-suffix", then the longest "prefix.*", then "*".
  /// `authority` as sent, any case; the port counts unless ignore_port_in_host_matching.
  [[nodiscard]] const VirtualHost* find_host(std::string_view authority) const;

  /// The first route that matches. `headers` holds :path, :authority and :method. `random` decides
  /// fractions; the same number gives the same answer.
  [[nodiscard]] const Route* find_route(const VirtualHost& host, const http::HeaderMap& headers,
                                        std::uint64_t random) const;

  [[nodiscard]] const RouteConfig& config() const noexcept { return *config_; }

 private:
  class Builder;
  RouteTable() = default;
  [[nodiscard]] const VirtualHost* find_lower(std::string_view authority) const;

  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept {
      return std::hash<std::string_view>{}(text);
    }
  };
  using Index = std::unordered_map<std::string, const VirtualHost*, TextHash, std::equal_to<>>;
  /// Wildcards of one length, longest first.
  struct Wildcards {
    std::size_t length = 0;
    Index hosts;
  };

  std::shared_ptr<const RouteConfig> config_;
  Index exact_;
  std::vector<Wildcards> suffixes_;
  std::vector<Wildcards> prefixes_;
  const VirtualHost* any_ = nullptr;
  bool only_any_ = false;  // there are no other domains
};

/// The path and query of a forwarded request after the route's rewrite; nullopt: as it was.
/// `path`: the value of :path, which `match` has matched.
std::optional<std::string> rewritten_path(const RouteMatch& match, const PathRewrite& rewrite,
                                          std::string_view path);

/// Location of a redirect. `scheme` is the request's. A port of the request goes when the redirect
/// has one of its own, and when it was the default one of a scheme that changes.
std::string redirect_location(const RedirectAction& redirect, const RouteMatch& match,
                              std::string_view scheme, std::string_view authority,
                              std::string_view path);

}  // namespace weir::route
