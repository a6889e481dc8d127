// SPDX-License-Identifier: Apache-2.0
// FilterRegistry: which network, listener and HTTP filters exist. An explicit list, handed to
// whoever reads configuration.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/config/listener_config.hpp"
#include "proxy/config/parse_context.hpp"

namespace google::protobuf {
class Any;
class Message;
}  // namespace google::protobuf

namespace weir::config {

class FilterRegistry;

/// The parsed typed_config of one HTTP filter. Immutable and shared by all workers; the filters
/// layer derives what makes the running filters from this.
class HttpFilterConfig {
 public:
  HttpFilterConfig() = default;
  HttpFilterConfig(const HttpFilterConfig&) = delete;
  HttpFilterConfig& operator=(const HttpFilterConfig&) = delete;
  virtual ~HttpFilterConfig() = default;
  /// Canonical name, e.g. "envoy.filters.http.lua".
  [[nodiscard]] virtual std::string_view name() const = 0;
  /// Clusters that the filter itself calls.
  [[nodiscard]] virtual std::vector<std::string> cluster_names() const { return {}; }
};

/// The parsed typed_per_filter_config entry of one HTTP filter. Immutable.
class RouteFilterConfig {
 public:
  RouteFilterConfig() = default;
  RouteFilterConfig(const RouteFilterConfig&) = delete;
  RouteFilterConfig& operator=(const RouteFilterConfig&) = delete;
  virtual ~RouteFilterConfig() = default;
};

/// One kind of HTTP filter.
struct HttpFilterType {
  std::string_view name;  // canonical, "envoy.filters.http.lua"
  const google::protobuf::Message* prototype;
  std::shared_ptr<const HttpFilterConfig> (*parse)(const google::protobuf::Message& config,
                                                   const ParseContext& context);
  /// Of typed_per_filter_config; both nullptr when routes cannot configure the filter.
  const google::protobuf::Message* route_prototype = nullptr;
  std::shared_ptr<const RouteFilterConfig> (*parse_route)(const google::protobuf::Message& config,
                                                          const ParseContext& context) = nullptr;
};

/// One kind of network filter.
struct NetworkFilterType {
  std::string_view name;  // canonical, "envoy.filters.network.tcp_proxy"
  /// Default instance of the typed_config message; its full name is the type URL after the '/'.
  const google::protobuf::Message* prototype;
  /// `config` is a `*prototype`. Reports what is wrong through `context`; whatever it returns after
  /// an error is not used, nullptr included.
  /// `registry` is for filters that have filters of their own.
  std::shared_ptr<const NetworkFilterConfig> (*parse)(const google::protobuf::Message& config,
                                                      const FilterRegistry& registry,
                                                      const ParseContext& context);
};

/// One kind of listener filter.
struct ListenerFilterType {
  std::string_view name;  // canonical, "envoy.filters.listener.tls_inspector"
  const google::protobuf::Message* prototype;
  std::shared_ptr<const ListenerFilterConfig> (*parse)(const google::protobuf::Message& config,
                                                       const ParseContext& context);
};

/// An HTTP filter of Envoy's that we do not have, and why that matters.
struct RefusedHttpFilter {
  std::string_view name;     // canonical, "envoy.filters.http.jwt_authn"
  std::string_view package;  // of its messages, with the dot at the end
  std::string_view reason;   // a sentence without end; "" = none but that it is not there
};

/// Immutable after construction.
class FilterRegistry {
 public:
  FilterRegistry(std::vector<NetworkFilterType> network, std::vector<ListenerFilterType> listener,
                 std::vector<HttpFilterType> http = {}, std::vector<RefusedHttpFilter> refused = {})
      : network_(std::move(network)),
        listener_(std::move(listener)),
        http_(std::move(http)),
        refused_(std::move(refused)) {}

  /// The filter of a config that has a name and perhaps a typed_config. The type URL decides;
  /// without one the name does, with a warning, and the filter gets its default configuration.
  /// @return nullptr after reporting that there is no such filter.
  std::shared_ptr<const NetworkFilterConfig> parse_network_filter(
      std::string_view name, const google::protobuf::Any* typed_config,
      const ParseContext& context) const;
  std::shared_ptr<const ListenerFilterConfig> parse_listener_filter(
      std::string_view name, const google::protobuf::Any* typed_config,
      const ParseContext& context) const;
  /// A listener filter with its default configuration, and no warning; nullptr when the registry
  /// has none.
  std::shared_ptr<const ListenerFilterConfig> default_listener_filter(
      std::string_view name, const ParseContext& context) const;
  std::shared_ptr<const HttpFilterConfig> parse_http_filter(
      std::string_view name, const google::protobuf::Any* typed_config,
      const ParseContext& context) const;
  /// There is such a filter: by its type, or by its name when `type_url` is "". Those that are
  /// refused with a reason count: nothing optional makes them harmless.
  [[nodiscard]] bool knows_http_filter(std::string_view name, std::string_view type_url) const;
  [[nodiscard]] bool knows_route_filter(std::string_view type_url) const;
  /// An entry of typed_per_filter_config, whose type decides. nullptr after reporting that no
  /// filter takes it. `context`: of the entry.
  std::shared_ptr<const RouteFilterConfig> parse_route_filter(
      const google::protobuf::Any& typed_config, const ParseContext& context) const;

 private:
  std::vector<NetworkFilterType> network_;
  std::vector<ListenerFilterType> listener_;
  [[nodiscard]] const RefusedHttpFilter* find_refused(std::string_view name,
                                                      std::string_view type_url) const;

  std::vector<HttpFilterType> http_;
  std::vector<RefusedHttpFilter> refused_;
};

/// Text after the last '/' of a type URL: the full name of the message.
std::string_view type_name(std::string_view type_url);

/// Envoy's error text for an extension that is not there, with what is.
std::string explain_missing_extension(std::string_view name, std::string_view type_url,
                                      const std::vector<std::string_view>& known);

/// The error text for a filter of Envoy's that we do not have.
std::string explain_refused_filter(const RefusedHttpFilter& filter);

}  // namespace weir::config
