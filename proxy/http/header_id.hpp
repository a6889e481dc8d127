// SPDX-License-Identifier: Apache-2.0
// HeaderId: the header names that Weir itself cares about.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace weir::http {

/// Pseudo-headers first (RFC 9113 §8.3): `is_pseudo` relies on it. `none` is every other name.
enum class HeaderId : std::uint8_t {
  none,
  method,
  scheme,
  authority,
  path,
  protocol,
  status,
  host,
  connection,
  content_length,
  content_type,
  transfer_encoding,
  te,
  upgrade,
  expect,
  keep_alive,
  proxy_connection,
  http2_settings,
  trailer,
  date,
  server,
  via,
  user_agent,
  accept,
  accept_encoding,
  cookie,
  referer,
  location,
  origin,
  access_control_request_method,
  forwarded,
  x_forwarded_for,
  x_forwarded_proto,
  x_forwarded_host,
  x_forwarded_port,
  x_forwarded_client_cert,
  x_request_id,
  x_envoy_attempt_count,
  x_envoy_decorator_operation,
  x_envoy_downstream_service_cluster,
  x_envoy_downstream_service_node,
  x_envoy_expected_rq_timeout_ms,
  x_envoy_external_address,
  x_envoy_force_trace,
  x_envoy_hedge_on_per_try_timeout,
  x_envoy_immediate_health_check_fail,
  x_envoy_internal,
  x_envoy_ip_tags,
  x_envoy_max_retries,
  x_envoy_original_dst_host,
  x_envoy_original_host,
  x_envoy_original_path,
  x_envoy_original_url,
  x_envoy_overloaded,
  x_envoy_ratelimited,
  x_envoy_retriable_header_names,
  x_envoy_retriable_status_codes,
  x_envoy_retry_grpc_on,
  x_envoy_retry_on,
  x_envoy_upstream_alt_stat_name,
  x_envoy_upstream_healthchecked_cluster,
  x_envoy_upstream_rq_per_try_timeout_ms,
  x_envoy_upstream_rq_timeout_alt_response,
  x_envoy_upstream_rq_timeout_ms,
  x_envoy_upstream_service_time,
  grpc_status,
  grpc_message,
  grpc_timeout,
  count_,
};
inline constexpr std::size_t kHeaderIds = static_cast<std::size_t>(HeaderId::count_);

namespace detail {
extern const std::array<std::string_view, kHeaderIds> kHeaderNames;
}
/// Lower case, with the colon of a pseudo-header. "" for none.
inline std::string_view header_name(HeaderId id) noexcept {
  return detail::kHeaderNames[static_cast<std::size_t>(id)];
}

/// The known name that stands before the ':' at the beginning of `line`, in any case; `length`
/// receives its length. `none`: another name, or a text too short to tell.
HeaderId known_name(std::string_view line, std::size_t& length) noexcept;

/// `name` in lower case; `none` when it is not one of them. One hash and one comparison.
HeaderId header_id(std::string_view name) noexcept;

/// A set of names, as bits: asked of a whole HeaderMap in two operations.
class HeaderSet {
 public:
  constexpr HeaderSet() = default;
  template <std::size_t kCount>
  explicit constexpr HeaderSet(const HeaderId (&ids)[kCount]) {
    for (const HeaderId id : ids) add(id);
  }
  constexpr void add(HeaderId id) noexcept { word(id) |= bit(id); }
  constexpr void remove(HeaderId id) noexcept { word(id) &= ~bit(id); }
  constexpr void clear() noexcept { words_[0] = words_[1] = 0; }
  [[nodiscard]] constexpr bool has(HeaderId id) const noexcept {
    return (words_[static_cast<std::size_t>(id) / 64] & bit(id)) != 0;
  }
  [[nodiscard]] constexpr bool meets(const HeaderSet& other) const noexcept {
    return ((words_[0] & other.words_[0]) | (words_[1] & other.words_[1])) != 0;
  }

 private:
  constexpr std::uint64_t& word(HeaderId id) noexcept {
    return words_[static_cast<std::size_t>(id) / 64];
  }
  static constexpr std::uint64_t bit(HeaderId id) noexcept {
    return std::uint64_t{1} << (static_cast<std::size_t>(id) % 64);
  }
  std::uint64_t words_[2] = {0, 0};
};
static_assert(kHeaderIds <= 128);

/// A message has one line of it: more are joined by ',' at the place of the first, as Envoy does
/// it.
constexpr bool is_single(HeaderId id) noexcept {
  return id >= HeaderId::host && id != HeaderId::cookie && id != HeaderId::trailer &&
         id != HeaderId::http2_settings && id != HeaderId::forwarded;
}

constexpr bool is_pseudo(HeaderId id) noexcept {
  return id >= HeaderId::method && id <= HeaderId::status;
}

}  // namespace weir::http
