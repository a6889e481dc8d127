// SPDX-License-Identifier: Apache-2.0
#include "proxy/filters/listener/http_inspector.hpp"

#include "proxy/http/first_bytes.hpp"

namespace weir::filters {
namespace {

using http::FirstBytes;

class Instance final : public ListenerFilterInstance {
 public:
  explicit Instance(stats::HttpInspectorStats& stats) : stats_(stats) {}

  [[nodiscard]] std::size_t max_inspect_bytes() const override { return http::kMaxFirstBytes; }

  InspectVerdict inspect(std::span<const std::byte> peeked, bool end_of_stream,
                         tcp::DownstreamConnection& connection) override {
    if (has_other_transport(connection)) return {};
    const std::string_view bytes(reinterpret_cast<const char*>(peeked.data()), peeked.size());
    switch (http::classify_first_bytes(bytes)) {
      case FirstBytes::need_more:
        if (!end_of_stream)
          return {.kind = InspectVerdict::Kind::need_more, .minimum = bytes.size() + 1};
        break;  // it will never be a request
      case FirstBytes::http10:
        return found(stats_.http10_found, "http/1.0", connection);
      case FirstBytes::http11:
        return found(stats_.http11_found, "http/1.1", connection);
      case FirstBytes::http2:
        return found(stats_.http2_found, "h2c", connection);
      case FirstBytes::too_long:
        stats_.read_error.add();
        return {.kind = InspectVerdict::Kind::reject,
                .reason = tcp::EndReason::listener_filter_rejected};
      case FirstBytes::not_http:
        break;
    }
    stats_.http_not_found.add();
    return {};
  }

 private:
  static bool has_other_transport(const tcp::DownstreamConnection& connection) {
    if (connection.inspection == nullptr) return false;
    const std::string& transport = connection.inspection->transport_protocol;
    return !transport.empty() && transport != "raw_buffer";
  }

  static InspectVerdict found(stats::Counter& counter, std::string_view protocol,
                              tcp::DownstreamConnection& connection) {
    counter.add();
    if (connection.inspection == nullptr)
      connection.inspection = std::make_unique<tcp::InspectionResult>();
    connection.inspection->application_protocols.assign(1, std::string(protocol));
    return {};
  }

  stats::HttpInspectorStats& stats_;
};

}  // namespace

std::unique_ptr<ListenerFilterInstance> make_http_inspector(stats::HttpInspectorStats& stats) {
  return std::make_unique<Instance>(stats);
}

std::unique_ptr<ListenerFilterInstance> HttpInspectorFilter::instantiate(
    InstanceContext& context) const {
  return make_http_inspector(context.stats.http_inspector(context.worker.worker));
}

}  // namespace weir::filters
