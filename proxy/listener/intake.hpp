// SPDX-License-Identifier: Apache-2.0
// Intake: the way of an accepted connection: listener filters, hand-off, filter chain, network
// filter.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "proxy/filters/worker_context.hpp"
#include "proxy/listener/handoff.hpp"
#include "proxy/listener/worker_listener.hpp"
#include "proxy/tcp/downstream_connection.hpp"

namespace weir::listener {

/// One per worker.
class Intake {
 public:
  explicit Intake(filters::WorkerContext& worker) : worker_(worker) {}

  /// The listeners that are in force from now on, and who of them (by its place in `listeners`)
  /// owns which destination. Those listeners live until the next call.
  void install(std::vector<WorkerListener*> listeners,
               std::shared_ptr<const HandoffTable> handoff) {
    listeners_ = std::move(listeners);
    handoff_ = std::move(handoff);
  }

  /// Takes an accepted connection over. May wait for the client's first bytes; ends in a network
  /// filter, or with an EndReason that is counted and told.
  void accept(tcp::DownstreamConnection&& connection, WorkerListener& listener);

  filters::WorkerContext& worker() noexcept { return worker_; }

 private:
  friend class Inspection;
  struct Position {
    WorkerListener* listener = nullptr;
    std::size_t filter = 0;    // next one to run
    bool may_hand_off = true;  // one hop only
  };
  enum class Outcome : std::uint8_t { done, waiting, ended };

  void advance(tcp::DownstreamConnection&& connection, Position position);
  Outcome run_filters(tcp::DownstreamConnection& connection, Position& position, bool end_of_stream,
                      std::size_t& minimum);
  Outcome inspect(tcp::DownstreamConnection& connection, filters::ListenerFilterInstance& filter,
                  WorkerListener& listener, bool end_of_stream, std::size_t& minimum);
  void filters_done(tcp::DownstreamConnection&& connection, Position position);
  void choose_chain(tcp::DownstreamConnection&& connection, WorkerListener& listener);
  void refuse(tcp::DownstreamConnection& connection, WorkerListener& listener,
              tcp::EndReason reason);

  filters::WorkerContext& worker_;
  std::vector<WorkerListener*> listeners_;
  std::shared_ptr<const HandoffTable> handoff_ = std::make_shared<HandoffTable>();
};

}  // namespace weir::listener
