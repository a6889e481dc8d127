// SPDX-License-Identifier: Apache-2.0
#include "proxy/filters/listener/http_inspector.hpp"

#include <string_view>

#include <gtest/gtest.h>

#include "proxy/http/first_bytes.hpp"

namespace weir::filters {
namespace {

class HttpInspector : public testing::Test {
 protected:
  InspectVerdict see(std::string_view bytes, bool end_of_stream = false) {
    return inspector_->inspect(std::as_bytes(std::span(bytes)), end_of_stream, connection_);
  }
  std::vector<std::string> protocols() const {
    return connection_.inspection ? connection_.inspection->application_protocols
                                  : std::vector<std::string>{};
  }

  stats::HttpInspectorStats stats_;
  std::unique_ptr<ListenerFilterInstance> inspector_ = make_http_inspector(stats_);
  tcp::DownstreamConnection connection_;
};

using Kind = InspectVerdict::Kind;

TEST_F(HttpInspector, NamesTheProtocol) {
  EXPECT_EQ(see("GET / HTTP/1.1\r\n").kind, Kind::proceed);
  EXPECT_EQ(protocols(), std::vector<std::string>{"http/1.1"});
  EXPECT_EQ(see("GET / HTTP/1.0\r\n").kind, Kind::proceed);
  EXPECT_EQ(protocols(), std::vector<std::string>{"http/1.0"});
  EXPECT_EQ(see("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").kind, Kind::proceed);
  EXPECT_EQ(protocols(), std::vector<std::string>{"h2c"});
  EXPECT_EQ(stats_.http11_found.value(), 1u);
  EXPECT_EQ(stats_.http10_found.value(), 1u);
  EXPECT_EQ(stats_.http2_found.value(), 1u);
  EXPECT_TRUE(connection_.inspection->transport_protocol.empty());
}

TEST_F(HttpInspector, WaitsForOneByteMoreAndCountsNothingMeanwhile) {
  const auto verdict = see("GET /");
  EXPECT_EQ(verdict.kind, Kind::need_more);
  EXPECT_EQ(verdict.minimum, 6u);
  EXPECT_EQ(see("").minimum, 1u);
  EXPECT_EQ(stats_.http_not_found.value(), 0u);
  EXPECT_EQ(connection_.inspection, nullptr);
}

TEST_F(HttpInspector, TheEndOfTheStreamDecides) {
  EXPECT_EQ(see("GET /", true).kind, Kind::proceed);
  EXPECT_EQ(see("", true).kind, Kind::proceed);
  EXPECT_EQ(stats_.http_not_found.value(), 2u);
  EXPECT_EQ(see("GET / HTTP/1.1\r\n", true).kind, Kind::proceed);
  EXPECT_EQ(stats_.http11_found.value(), 1u);
}

TEST_F(HttpInspector, OtherProtocolsGoOn) {
  EXPECT_EQ(see("SSH-2.0-OpenSSH_9\r\n").kind, Kind::proceed);
  EXPECT_EQ(stats_.http_not_found.value(), 1u);
  EXPECT_TRUE(protocols().empty());
}

TEST_F(HttpInspector, LeavesTlsAlone) {
  connection_.inspection = std::make_unique<tcp::InspectionResult>();
  connection_.inspection->transport_protocol = "tls";
  connection_.inspection->application_protocols = {"h2"};
  EXPECT_EQ(see("GET / HTTP/1.1\r\n").kind, Kind::proceed);
  EXPECT_EQ(protocols(), std::vector<std::string>{"h2"});
  EXPECT_EQ(stats_.http11_found.value() + stats_.http_not_found.value(), 0u);
  connection_.inspection->transport_protocol = "raw_buffer";
  see("GET / HTTP/1.1\r\n");
  EXPECT_EQ(protocols(), std::vector<std::string>{"http/1.1"});
}

TEST_F(HttpInspector, ALineWithoutEndIsRefused) {
  const auto verdict = see(std::string(http::kMaxFirstBytes, 'a'));
  EXPECT_EQ(verdict.kind, Kind::reject);
  EXPECT_EQ(verdict.reason, tcp::EndReason::listener_filter_rejected);
  EXPECT_EQ(stats_.read_error.value(), 1u);
  EXPECT_EQ(inspector_->max_inspect_bytes(), http::kMaxFirstBytes);
}

}  // namespace
}  // namespace weir::filters
