// SPDX-License-Identifier: Apache-2.0
// FilterChainMatcher: which filter chain of a listener takes a connection.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

#include "common/ip.hpp"
#include "common/prefix_map.hpp"
#include "common/result.hpp"
#include "proxy/config/listener_config.hpp"

namespace weir::listener {

/// What is known of a connection when its chain is chosen. Views borrow from the caller during
/// find().
struct MatchInput {
  Endpoint destination;                 // the restored address, or the accepted socket's local one
  std::string_view server_name;         // SNI, lower case; "" when there was none
  std::string_view transport_protocol;  // "tls" or "raw_buffer"
  std::span<const std::string> application_protocols;  // in the connection's order
  Endpoint source;          // the client, as proxy-protocol may have restated it
  IpAddress direct_source;  // the socket's own peer
};

/// Compiled form of FilterChainMatch. Nine criteria are looked at in a fixed order, the most
/// specific value of each first, and a choice once made is never taken back: when a later criterion
/// fails the default chain gets the connection. Source: Envoy's FilterChainMatch. Immutable; any
/// thread may read it.
class FilterChainMatcher {
 public:
  /// Pointers into `listener` are kept: it must stay alive and in place. Fails, with Envoy's texts,
  /// when two chains match the same connections, when a server name has a partial wildcard, and
  /// when there is no chain at all.
  static Result<FilterChainMatcher> build(const config::ListenerConfig& listener);

  /// The chain, or nullptr: no chain matches and there is no default chain. Does not allocate.
  [[nodiscard]] const config::FilterChainConfig* find(const MatchInput& input) const;

 private:
  using Chain = const config::FilterChainConfig*;

  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept {
      return std::hash<std::string_view>{}(text);
    }
  };
  /// Value of an exact name, or of "no name asked for".
  template <class T>
  struct ByName {
    std::unordered_map<std::string, T, TextHash, std::equal_to<>> exact;
    std::optional<T> any;

    T& at_or_add(const std::string& name) {
      if (!name.empty()) return exact[name];
      return any ? *any : any.emplace();
    }
  };
  template <class T>
  struct ByPort {
    std::unordered_map<std::uint16_t, T> exact;
    std::optional<T> any;

    T& at_or_add(std::optional<std::uint16_t> port) {
      if (port) return exact[*port];
      return any ? *any : any.emplace();
    }
    const T* find(std::uint16_t port) const {
      const auto at = exact.find(port);
      if (at != exact.end()) return &at->second;
      return any ? &*any : nullptr;
    }
  };

  // One type per criterion, the last criterion first.
  using SourcePorts = ByPort<Chain>;
  using Sources = PrefixMap<SourcePorts>;
  using SourceTypes = std::array<Sources, 3>;  // indexed by config::SourceType
  using DirectSources = PrefixMap<SourceTypes>;
  using ApplicationProtocols = ByName<DirectSources>;
  using TransportProtocols = ByName<ApplicationProtocols>;
  struct ServerNames {
    ByName<TransportProtocols> names;
    // Key "example.com" for "*.example.com".
    std::unordered_map<std::string, TransportProtocols, TextHash, std::equal_to<>> wildcards;

    TransportProtocols& at_or_add(const std::string& name);
  };
  using Destinations = PrefixMap<ServerNames>;

  // insert_*: false when another chain already has one of the places.
  bool insert(Chain chain);
  static bool insert_names(ServerNames& node, Chain chain);
  static bool insert_protocols(TransportProtocols& node, Chain chain);
  static bool insert_sources(DirectSources& node, Chain chain);
  static bool insert_source_ports(SourcePorts& node, Chain chain);

  [[nodiscard]] Chain find_in_tree(const MatchInput& input) const;
  static const TransportProtocols* find_name(const ServerNames& node, std::string_view name);
  static const DirectSources* find_protocols(const TransportProtocols& node,
                                             const MatchInput& input);
  static const Sources* find_source_type(const SourceTypes& node, const MatchInput& input);

  ByPort<Destinations> tree_;
  Chain only_ =
      nullptr;  // the one chain of the listener, when it matches everything: the tree is not asked
  Chain default_ = nullptr;
};

}  // namespace weir::listener
