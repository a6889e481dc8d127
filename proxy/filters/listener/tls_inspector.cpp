// SPDX-License-Identifier: Apache-2.0
#include "proxy/filters/listener/tls_inspector.hpp"

#include "proxy/tls/client_hello.hpp"

namespace weir::filters {
namespace {

class Instance final : public ListenerFilterInstance {
 public:
  explicit Instance(stats::TlsInspectorStats& stats) : stats_(stats) {}

  [[nodiscard]] std::size_t max_inspect_bytes() const override { return tls::kMaxClientHelloBytes; }

  InspectVerdict inspect(std::span<const std::byte> peeked, bool end_of_stream,
                         tcp::DownstreamConnection& connection) override {
    using Kind = tls::ClientHelloResult::Kind;
    auto hello = tls::parse_client_hello(peeked);
    if (hello.kind == Kind::need_more && !end_of_stream)
      return {.kind = InspectVerdict::Kind::need_more, .minimum = hello.min_bytes};
    if (hello.kind == Kind::found) {
      found(std::move(hello), connection);
      return {};
    }
    if (hello.kind == Kind::too_large) {
      stats_.client_hello_too_large.add();
      return {.kind = InspectVerdict::Kind::reject,
              .reason = tcp::EndReason::listener_filter_rejected};
    }
    // Not TLS, broken TLS, or a client that stopped in the middle: what it sent goes on as it is.
    stats_.tls_not_found.add();
    return {};
  }

 private:
  void found(tls::ClientHelloResult&& hello, tcp::DownstreamConnection& connection) {
    stats_.tls_found.add();
    (hello.server_name.empty() ? stats_.sni_not_found : stats_.sni_found).add();
    (hello.application_protocols.empty() ? stats_.alpn_not_found : stats_.alpn_found).add();
    if (connection.inspection == nullptr)
      connection.inspection = std::make_unique<tcp::InspectionResult>();
    connection.inspection->transport_protocol = "tls";
    connection.inspection->server_name = std::move(hello.server_name);
    connection.inspection->application_protocols = std::move(hello.application_protocols);
  }

  stats::TlsInspectorStats& stats_;
};

}  // namespace

std::unique_ptr<ListenerFilterInstance> TlsInspectorFilter::instantiate(
    InstanceContext& context) const {
  return std::make_unique<Instance>(context.stats.tls_inspector(context.worker.worker));
}

}  // namespace weir::filters
