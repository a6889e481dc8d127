// SPDX-License-Identifier: Apache-2.0
// Http2Check: one request over HTTP/2 with prior knowledge, judged by its status, or, of kind grpc,
// by what grpc.health.v1.Health answers.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "proxy/http/arena.hpp"
#include "proxy/http/http2_session.hpp"
#include "proxy/upstream/health/check_protocol.hpp"
#include "proxy/upstream/health/status_verdict.hpp"

namespace weir::upstream {

class Http2Check final : public CheckProtocol, http::Http2Events {
 public:
  /// More of a gRPC answer is not read.
  static constexpr std::size_t kMaxBody = 64 * 1024;

  /// `config` outlives the check.
  Http2Check(const config::HealthCheckConfig& config, std::string authority);

  std::string begin() override;
  std::optional<CheckResult> feed(std::string_view bytes) override;
  std::string take_output() override;
  [[nodiscard]] bool keeps_open() const override;

 private:
  /// One request with its answer; lives until its stream is closed.
  struct Exchange {
    explicit Exchange(http::ArenaPool& pool) : arena(pool), request(arena), answer(arena) {}
    http::Arena arena;
    http::HeaderMap request;
    http::HeaderMap answer;  // headers, then trailers
    std::int32_t stream = -1;
  };

  http::HeaderMap* on_begin_headers(std::int32_t stream, http::HeadersKind kind) override;
  void on_headers(std::int32_t stream, http::HeadersKind kind, bool end_of_stream) override;
  void on_data(std::int32_t stream, std::span<const std::byte> data) override;
  void on_end_of_stream(std::int32_t stream) override;
  void on_reset(std::int32_t stream, const http::Http2Reset& reset) override;
  void on_stream_writable(std::int32_t) override {}
  void on_goaway(std::int32_t last_stream, http::Http2Error code) override;
  void on_ping_ack(std::uint64_t) override {}
  void on_stream_closed(std::int32_t stream, void* owner) override;

  void produce();
  void fill_request(http::HeaderMap& request) const;
  void read_head(const http::HeaderMap& answer);
  [[nodiscard]] bool is_current(std::int32_t stream) const { return waiting_ && stream == stream_; }
  void end_check(CheckResult result);
  void judge();
  [[nodiscard]] CheckResult judge_grpc() const;
  [[nodiscard]] bool is_grpc() const {
    return config_.kind == config::HealthCheckConfig::Kind::grpc;
  }

  const config::HealthCheckConfig& config_;
  const std::string authority_;
  http::ArenaPool arenas_;
  http::Http2Memory memory_;
  std::vector<std::unique_ptr<Exchange>> exchanges_;
  http::Http2Session session_;
  std::int32_t stream_ = -1;  // of the check under way
  CheckedHead head_;
  std::string grpc_status_;  // "" while there is none
  std::string body_;
  std::string output_;  // produced, not taken yet
  bool waiting_ = false;
  std::optional<CheckResult> result_;  // until feed() returns it
};

}  // namespace weir::upstream
