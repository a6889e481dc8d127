// SPDX-License-Identifier: Apache-2.0
// FilterCall: a request that a filter sends for itself.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "proxy/filters/http/filter.hpp"
#include "proxy/filters/network/http_connection_manager/stream_connection.hpp"
#include "proxy/http_client/cluster_pool.hpp"

namespace weir::filters {

class Stream;

/// One call, owned by its stream; a call that nobody waits for owns itself. Worker thread only.
class FilterCall final : http_client::ExchangeEvents, io::TimerHandler, io::Resumable {
 public:
  /// Lets go of a call: it stays as long as its connection uses its headers.
  struct LetGo {
    void operator()(FilterCall* call) const noexcept { call->let_go(); }
  };
  using Owner = std::unique_ptr<FilterCall, LetGo>;
  using Calls = std::vector<Owner>;
  /// Most of a response's body that is kept.
  static constexpr std::size_t kMostBody = 1024 * 1024;

  FilterCall(Stream* stream, WorkerContext& worker, CallRequest&& request, CallHandler* handler,
             std::uint64_t ticket);
  FilterCall(const FilterCall&) = delete;
  FilterCall& operator=(const FilterCall&) = delete;
  ~FilterCall();

  /// @return the ticket
  static std::uint64_t start(Stream& stream, CallRequest&& request, CallHandler* handler,
                             Calls& calls);
  static void cancel(Calls& calls, std::uint64_t ticket);
  [[nodiscard]] std::uint64_t ticket() const noexcept { return ticket_; }

  void let_go() noexcept;

 private:
  void begin(http_client::ClusterPool* pool, const SessionFacts& facts);
  void finish(bool arrived);
  /// Finishes with an answer of ours. Once a response has begun, it only says that it failed.
  void fail(std::uint16_t status, std::string_view body);

  void on_ready(http_client::Exchange& exchange) override;
  http::HeaderMap& response_map() override;
  void on_informational() override { response_.clear(); }
  void on_response_headers(std::uint16_t status, bool end_of_stream) override;
  void on_response_data(std::string_view data, bool end_of_stream) override;
  http::HeaderMap& trailers_map() override { return trailers_; }
  void on_response_trailers() override { finish(true); }
  void on_reset(http_client::ResetReason reason, std::string_view detail) override;
  void on_request_drained() override {}
  void on_batch_end() override {}
  void pin() override { ++pins_; }
  void unpin() override;
  void on_body_readable() override {}
  void on_timer() override;
  void on_resume() override;

  Stream* const stream_;  // null: nobody waits
  WorkerContext& worker_;
  CallRequest request_;
  CallHandler* const handler_;
  const std::uint64_t ticket_;
  http::Arena arena_;
  http::HeaderMap request_headers_{arena_};
  http::HeaderMap response_{arena_};
  http::HeaderMap trailers_{arena_};
  http_client::Waiting waiting_;
  http_client::Exchange* exchange_ = nullptr;
  stats::ClusterRequestStats* stats_ = nullptr;
  std::string body_;
  std::uint16_t failed_status_ = 0;
  io::Timer timer_{*this};
  bool resuming_ = false;
  bool arrived_ = false;
  bool begun_ = false;  // the response's headers have come
  bool done_ = false;
  bool let_go_ = false;
  std::uint16_t pins_ = 0;
};

}  // namespace weir::filters
