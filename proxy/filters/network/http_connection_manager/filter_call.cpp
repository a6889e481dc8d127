// SPDX-License-Identifier: Apache-2.0
#include "proxy/filters/network/http_connection_manager/filter_call.hpp"

#include <algorithm>

#include "proxy/filters/network/http_connection_manager/reset_text.hpp"
#include "proxy/filters/network/http_connection_manager/stream.hpp"

namespace weir::filters {

using http::HeaderId;

namespace {

constexpr std::string_view kNoHost = "no healthy upstream";
constexpr std::string_view kBroken = "upstream failure";  // a response that has no end

}  // namespace

FilterCall::FilterCall(Stream* stream, WorkerContext& worker, CallRequest&& request,
                       CallHandler* handler, std::uint64_t ticket)
    : stream_(stream),
      worker_(worker),
      request_(std::move(request)),
      handler_(handler),
      ticket_(ticket),
      arena_(worker.arenas) {}

FilterCall::~FilterCall() = default;

void FilterCall::let_go() noexcept {
  let_go_ = true;
  done_ = true;
  timer_.disarm();
  waiting_.leave();
  if (std::exchange(resuming_, false)) worker_.loop.withdraw(*this);
  if (exchange_ != nullptr) std::exchange(exchange_, nullptr)->cancel();
  if (pins_ == 0) delete this;
}

void FilterCall::unpin() {
  --pins_;
  if (pins_ == 0 && let_go_) delete this;
}

std::uint64_t FilterCall::start(Stream& stream, CallRequest&& request, CallHandler* handler,
                                Calls& calls) {
  static thread_local std::uint64_t last_ticket = 0;
  http_client::ClusterPool* const pool = stream.hcm().find_pool(request.cluster);
  Owner call(new FilterCall(handler != nullptr ? &stream : nullptr, stream.worker(),
                            std::move(request), handler, ++last_ticket));
  FilterCall& begun = *call;
  if (handler != nullptr)
    calls.push_back(std::move(call));
  else
    call.release();  // on_resume() lets it go
  const std::uint64_t ticket = begun.ticket_;
  begun.begin(pool, stream.facts());
  return pool == nullptr ? 0 : ticket;
}

void FilterCall::cancel(Calls& calls, std::uint64_t ticket) {
  std::erase_if(calls, [&](const auto& call) { return call->ticket_ == ticket; });
}

void FilterCall::begin(http_client::ClusterPool* pool, const SessionFacts& facts) {
  for (const auto& [name, value] : request_.headers) {
    if (name == "host")
      request_headers_.set(HeaderId::authority, value);
    else
      request_headers_.add(name, value);
  }
  if (!request_headers_.has(HeaderId::scheme))
    request_headers_.add_static(HeaderId::scheme, "http");
  if (!request_.body.empty())
    request_headers_.set(HeaderId::content_length, std::to_string(request_.body.size()));
  if (request_.timeout.count() > 0) worker_.loop.arm(timer_, request_.timeout);
  if (pool == nullptr) return fail(503, kNoHost);
  stats_ = &pool->cluster().stats().requests.get();
  const auto destination = facts.restored ? std::optional(facts.destination) : std::nullopt;
  auto pick = pool->cluster().pick(destination, worker_.random, nullptr);
  if (pick.host == nullptr) return fail(503, kNoHost);
  stats_->upstream_rq_total.add();
  http_client::RequestOptions options;
  options.origin = {facts.listener->index, pick.host->address};
  std::string detail;
  if (const auto failed = pool->request(pick.host, options, waiting_, *this, detail))
    on_reset(*failed, detail);
}

void FilterCall::on_ready(http_client::Exchange& exchange) {
  exchange_ = &exchange;
  exchange.send_headers(request_headers_, request_.body.empty());
  if (exchange_ != nullptr && !request_.body.empty()) exchange_->send_data(request_.body, true);
  if (exchange_ != nullptr) exchange_->flush();
}

http::HeaderMap& FilterCall::response_map() { return response_; }

void FilterCall::on_response_headers(std::uint16_t status, bool end_of_stream) {
  begun_ = true;
  stats_->count_response(stats::ResponseOrigin::external, status);
  if (end_of_stream) finish(true);
}

void FilterCall::on_response_data(std::string_view data, bool end_of_stream) {
  if (body_.size() + data.size() > kMostBody) {
    if (!end_of_stream) std::exchange(exchange_, nullptr)->cancel();
    fail(503, {});
    return;
  }
  body_ += data;
  if (end_of_stream) finish(true);
}

void FilterCall::on_reset(http_client::ResetReason reason, std::string_view) {
  const ResetText text = reset_text(reason);
  fail(text.status, reset_body(text, false));
}

void FilterCall::on_timer() {
  waiting_.leave();
  if (exchange_ != nullptr) std::exchange(exchange_, nullptr)->cancel();
  if (stats_ != nullptr) stats_->upstream_rq_timeout.add();
  fail(504, "upstream request timeout");
}

void FilterCall::fail(std::uint16_t status, std::string_view body) {
  if (done_) return;
  failed_status_ = begun_ ? 503 : status;
  body_ = begun_ ? kBroken : body;
  if (!begun_ && stats_ != nullptr) stats_->count_response(stats::ResponseOrigin::external, status);
  finish(false);
}

/// The handler is told in a turn of its own: never from inside start().
void FilterCall::finish(bool arrived) {
  if (done_) return;
  done_ = true;
  arrived_ = arrived;
  exchange_ = nullptr;
  timer_.disarm();
  resuming_ = true;
  worker_.loop.resume_soon(*this);
}

void FilterCall::on_resume() {
  resuming_ = false;
  if (handler_ == nullptr) {
    let_go();
    return;
  }
  CallResponse response;
  response.arrived = arrived_;
  if (arrived_) {
    for (const http::HeaderField& field : response_.fields())
      if (!field.removed()) response.headers.emplace_back(field.name, field.value);
  } else {
    response.headers.emplace_back(":status", std::to_string(failed_status_));
    if (!begun_) {
      response.headers.emplace_back("content-length", std::to_string(body_.size()));
      response.headers.emplace_back("content-type", "text/plain");
    }
  }
  response.body = std::move(body_);
  CallHandler& handler = *handler_;
  Stream& stream = *stream_;
  stream.guarded([&] {
    stream.finish_call(ticket_);
    // This object is gone.
    handler.on_call_done(std::move(response));
  });
}

}  // namespace weir::filters
