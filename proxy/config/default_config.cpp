// SPDX-License-Identifier: Apache-2.0
#include "proxy/config/default_config.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <string_view>

#include "common/socket_address.hpp"
#include "common/unique_fd.hpp"

namespace weir::config {
namespace {

// Names are Istio's, so that dashboards and log filters keep working. Ports and addresses are those
// of common/ports.hpp. Words that begin with $ are replaced.
constexpr std::string_view kTemplate = R"(admin:
  address: { socket_address: { address: 127.0.0.1, port_value: 15000 } }
static_resources:
  listeners:
    - name: virtualOutbound
      address: { socket_address: { $ANY, port_value: 15001 } }
      use_original_dst: true
      traffic_direction: OUTBOUND
      filter_chains:
        - name: virtualOutbound-blackhole
          filter_chain_match: { destination_port: 15001 }
          filters:
            - &black_hole
              name: envoy.filters.network.tcp_proxy
              typed_config:
                "@type": type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy
                stat_prefix: BlackHoleCluster
                cluster: BlackHoleCluster
                access_log: &access_log
                  - name: envoy.access_loggers.stdout
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog
                      log_format:
                        text_format_source:
                          inline_string: "[%START_TIME%] %WEIR_LISTENER% %DOWNSTREAM_REMOTE_ADDRESS% ->\
                            \ %DOWNSTREAM_LOCAL_ADDRESS% -> %UPSTREAM_CLUSTER% %UPSTREAM_HOST%\
                            \ from %UPSTREAM_LOCAL_ADDRESS% received %BYTES_RECEIVED% sent %BYTES_SENT%\
                            \ %DURATION%ms %RESPONSE_FLAGS% %CONNECTION_TERMINATION_DETAILS%\
                            \ %UPSTREAM_TRANSPORT_FAILURE_REASON%\n"
        - name: virtualOutbound-catchall-tcp
          filters:
            - name: envoy.filters.network.tcp_proxy
              typed_config:
                "@type": type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy
                stat_prefix: $OUTBOUND
                cluster: $OUTBOUND
                access_log: *access_log
    - name: virtualInbound
      address: { socket_address: { $ANY, port_value: 15006 } }
      traffic_direction: INBOUND
      transparent: $TRANSPARENT
      listener_filters:
        - name: envoy.filters.listener.original_dst
          typed_config:
            "@type": type.googleapis.com/envoy.extensions.filters.listener.original_dst.v3.OriginalDst
$ORIGINAL_SRC      filter_chains:
        - name: virtualInbound-blackhole
          filter_chain_match: { destination_port: 15006 }
          filters: [ *black_hole ]
        - name: virtualInbound-catchall-tcp-ipv4
          filter_chain_match: { prefix_ranges: [ { address_prefix: 0.0.0.0, prefix_len: 0 } ] }
          filters:
            - name: envoy.filters.network.tcp_proxy
              typed_config:
                "@type": type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy
                stat_prefix: InboundPassthroughClusterIpv4
                cluster: InboundPassthroughClusterIpv4
                access_log: *access_log
        - name: virtualInbound-catchall-tcp-ipv6
          filter_chain_match: { prefix_ranges: [ { address_prefix: "::", prefix_len: 0 } ] }
          filters:
            - name: envoy.filters.network.tcp_proxy
              typed_config:
                "@type": type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy
                stat_prefix: InboundPassthroughClusterIpv6
                cluster: InboundPassthroughClusterIpv6
                access_log: *access_log
  clusters:
    - name: PassthroughCluster
      type: ORIGINAL_DST
      lb_policy: CLUSTER_PROVIDED
      connect_timeout: 10s
      circuit_breakers: &no_limits
        thresholds:
          - { max_connections: 4294967295, max_pending_requests: 4294967295, max_requests: 4294967295 }
    - name: InboundPassthroughClusterIpv4
      type: ORIGINAL_DST
      lb_policy: CLUSTER_PROVIDED
      connect_timeout: 10s
$BIND4      circuit_breakers: *no_limits
    - name: InboundPassthroughClusterIpv6
      type: ORIGINAL_DST
      lb_policy: CLUSTER_PROVIDED
      connect_timeout: 10s
$BIND6      circuit_breakers: *no_limits
    - name: BlackHoleCluster
      type: STATIC
      connect_timeout: 10s
)";

// REDIRECT: the application sees 127.0.0.6 or ::6, which the rules leave alone.
constexpr std::string_view kBindV4 =
    "      upstream_bind_config: { source_address: { address: 127.0.0.6, port_value: 0 } }\n";
constexpr std::string_view kBindV6 =
    "      upstream_bind_config: { source_address: { address: \"::6\", port_value: 0 } }\n";
// TPROXY: the application sees the client, and the mark brings its answers back.
constexpr std::string_view kOriginalSrc =
    R"(        - name: envoy.filters.listener.original_src
          typed_config:
            "@type": type.googleapis.com/envoy.extensions.filters.listener.original_src.v3.OriginalSrc
            mark: $MARK
)";

void replace_all(std::string& text, std::string_view what, std::string_view with) {
  for (std::size_t at = text.find(what); at != std::string::npos;
       at = text.find(what, at + with.size()))
    text.replace(at, what.size(), with);
}

}  // namespace

std::string default_config(const DefaultConfigInput& input) {
  const bool pass = input.outbound == OutboundMode::allow_any;
  std::string text(kTemplate);
  replace_all(text, "$ANY",
              input.ipv6 ? R"(address: "::", ipv4_compat: true)" : "address: 0.0.0.0");
  const bool transparent = input.inbound == InboundMode::tproxy;
  replace_all(text, "$TRANSPARENT", transparent ? "true" : "false");
  replace_all(text, "$ORIGINAL_SRC", transparent ? kOriginalSrc : "");
  replace_all(text, "$MARK", std::to_string(input.tproxy_mark));
  replace_all(text, "$BIND4", transparent ? "" : kBindV4);
  replace_all(text, "$BIND6", transparent ? "" : kBindV6);
  replace_all(text, "$OUTBOUND", pass ? "PassthroughCluster" : "BlackHoleCluster");
  return text;
}

bool ipv6_is_available() {
  const UniqueFd fd(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) return false;
  const SocketAddress any(Endpoint{IpAddress::any(IpFamily::v6), 0});
  return ::bind(fd.get(), &any.generic, any.length) == 0;
}

}  // namespace weir::config
