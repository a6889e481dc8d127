// SPDX-License-Identifier: Apache-2.0
#include "proxy/filters/listener/original_dst.hpp"

#include <algorithm>

#include "common/socket_address.hpp"
#include "common/socket_options.hpp"

namespace weir::filters {
namespace {

class Instance final : public ListenerFilterInstance {
 public:
  [[nodiscard]] std::size_t max_inspect_bytes() const override { return 0; }

  InspectVerdict inspect(std::span<const std::byte>, bool,
                         tcp::DownstreamConnection& connection) override {
    const int fd = connection.socket.get();
    const IpFamily family = connection.peer.endpoint.address.family();
    if (auto original = original_destination(fd, family)) {
      connection.destination = *original;
      connection.restored = true;
      return {};
    }
    if (auto local = local_endpoint(fd)) {
      connection.destination = {*local};
      connection.restored = is_transparent(fd, family);
    }
    return {};
  }
};

/// On a TPROXY listener the socket's own address is the original destination, and conntrack is not
/// asked: it may hold a stale entry for the same addresses. Except where that address is the
/// listener's own port: then the connection was redirected after all, or dialled us directly.
class TransparentInstance final : public ListenerFilterInstance {
 public:
  explicit TransparentInstance(const config::ListenerConfig& listener) : listener_(listener) {}

  [[nodiscard]] std::size_t max_inspect_bytes() const override { return 0; }

  InspectVerdict inspect(std::span<const std::byte>, bool,
                         tcp::DownstreamConnection& connection) override {
    const int fd = connection.socket.get();
    const auto local = local_endpoint(fd);
    if (!local) return {};
    connection.destination = {*local};
    connection.restored = true;
    if (!is_own_port(local->port)) return {};
    if (auto original = original_destination(fd, connection.peer.endpoint.address.family()))
      connection.destination = *original;
    return {};
  }

 private:
  [[nodiscard]] bool is_own_port(std::uint16_t port) const {
    return std::any_of(listener_.addresses.begin(), listener_.addresses.end(),
                       [&](const auto& own) { return own.address.endpoint.port == port; });
  }

  const config::ListenerConfig& listener_;
};

}  // namespace

std::unique_ptr<ListenerFilterInstance> OriginalDstFilter::instantiate(
    InstanceContext& context) const {
  if (context.listener->transparent)
    return std::make_unique<TransparentInstance>(*context.listener);
  return std::make_unique<Instance>();
}

}  // namespace weir::filters
