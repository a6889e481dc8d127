// SPDX-License-Identifier: Apache-2.0
// Router: long bodies, past everybody.
#include "proxy/filters/network/http_connection_manager/router.hpp"
#include "proxy/filters/network/http_connection_manager/stream.hpp"

namespace weir::filters {

using access_log::ResponseFlag;

void Router::relay_request() {
  StreamConnection* const session = stream_.session();
  if (request_relay_ != nullptr || exchange_ == nullptr || session == nullptr ||
      !stream_.nobody_looks() || retries_left_ > 0 || body_ != nullptr)
    return;
  const std::uint64_t left = session->request_body_left();
  const int source = session->socket_for_body();
  const int destination = exchange_->socket_for_body();
  if (left < BodyRelay::kWorthwhile || source < 0 || destination < 0) return;
  session->take_over_request();
  exchange_->take_over_request();
  request_relay_ = std::make_unique<BodyRelay>(stream_.worker(), *this, source, destination, left);
}

void Router::relay_response() {
  StreamConnection* const session = stream_.session();
  if (response_relay_ != nullptr || exchange_ == nullptr || session == nullptr ||
      !stream_.nobody_looks() || !session->response_is_plain())
    return;
  const std::uint64_t left = exchange_->response_body_left();
  const int source = exchange_->socket_for_body();
  const int destination = session->socket_for_body();
  if (left < BodyRelay::kWorthwhile || source < 0 || destination < 0) return;
  session->take_over_response();
  exchange_->take_over_response();
  response_relay_ = std::make_unique<BodyRelay>(stream_.worker(), *this, source, destination, left);
}

void Router::on_body_readable() {
  stream_.guarded([&] { pump_response(); });
}

void Router::on_relay_turn(BodyRelay& relay) {
  stream_.guarded([&] {
    if (&relay == response_relay_.get())
      pump_response();
    else
      pump_request();
  });
}

void Router::pump_response() {
  if (response_relay_ == nullptr) return;
  const auto status = response_relay_->pump(exchange_->hung_up());
  StreamConnection* const session = stream_.session();
  const std::uint64_t moved = response_relay_->take_moved();
  stream_.count_relayed(0, moved);
  touch_attempt();
  session->response_was_written(moved, false);
  switch (status) {
    case tcp::RelayStatus::finished: {
      const std::uint64_t bytes = response_relay_->bytes();
      http_client::Exchange* const exchange = exchange_;
      end_attempt();
      finished();
      session->response_was_written(0, true);
      exchange->response_was_read(bytes);
      stream_.on_response_relayed();
      return;
    }
    case tcp::RelayStatus::source_failed:
      give_up_exchange();
      finished();
      stream_.hcm().stats->rq_reset_after_downstream_response_started.add();
      stream_.on_upstream_broken("upstream_reset_after_response_started{protocol_error}",
                                 ResponseFlag::upstream_protocol_error);
      return;
    case tcp::RelayStatus::destination_failed:
      cancel();
      stream_.on_relay_client_gone();
      return;
    case tcp::RelayStatus::waiting:
    case tcp::RelayStatus::blocked:
    case tcp::RelayStatus::yielded:
      return;
  }
}

void Router::pump_request() {
  if (request_relay_ == nullptr) return;
  StreamConnection* const session = stream_.session();
  const auto status = request_relay_->pump(session->hung_up());
  stream_.count_relayed(request_relay_->take_moved(), 0);
  touch_attempt();
  switch (status) {
    case tcp::RelayStatus::finished: {
      const std::uint64_t bytes = request_relay_->bytes();
      request_relay_.reset();
      session->request_was_read(bytes);
      exchange_->request_was_written(bytes, true);
      end_in_ = true;
      replayable_ = false;
      request_sent_ = stream_.now();
      stream_.on_request_relayed();
      return;
    }
    case tcp::RelayStatus::source_failed:
      cancel();
      stream_.on_relay_client_gone();
      return;
    case tcp::RelayStatus::destination_failed:
      // An answer may be on its way, or the end: the connection's own event tells.
      request_relay_.reset();
      return;
    case tcp::RelayStatus::waiting:
    case tcp::RelayStatus::blocked:
    case tcp::RelayStatus::yielded:
      return;
  }
}

}  // namespace weir::filters
