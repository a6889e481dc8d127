// SPDX-License-Identifier: Apache-2.0
#include "proxy/listener/intake.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "common/socket_address.hpp"
#include "common/socket_options.hpp"
#include "proxy/filters/connection_end.hpp"
#include "proxy/listener/inspection.hpp"

namespace weir::listener {

using tcp::EndReason;

namespace {

/// Asks the kernel: redirected or not, and before any listener filter has looked.
bool was_sent_to(const tcp::DownstreamConnection& connection, const UpstreamAddress& dialled) {
  const int fd = connection.socket.get();
  const auto original = original_destination(fd, connection.peer.endpoint.address.family());
  if (original && original->endpoint == dialled.endpoint) return true;
  const auto local = local_endpoint(fd);
  return local && *local == dialled.endpoint;
}

}  // namespace

void Intake::accept(tcp::DownstreamConnection&& connection, WorkerListener& listener) {
  for (const auto& mark : worker_.loop_guard.marks_of(connection.peer))
    if (was_sent_to(connection, mark.remote)) connection.loop_origin = mark.origin;
  advance(std::move(connection), Position{&listener, 0, true});
}

void Intake::advance(tcp::DownstreamConnection&& connection, Position position) {
  if (position.listener->wants_local_address && !connection.restored) {
    if (const auto local = local_endpoint(connection.socket.get()))
      connection.destination = {*local};
  }
  std::size_t minimum = 0;
  switch (run_filters(connection, position, false, minimum)) {
    case Outcome::done:
      filters_done(std::move(connection), position);
      break;
    case Outcome::waiting: {
      auto* waiting = worker_.connection_blocks.make<Inspection>(*this, std::move(connection),
                                                                 position, minimum);
      worker_.connections.add(*waiting);
      waiting->start();
      break;
    }
    case Outcome::ended:
      break;
  }
}

Intake::Outcome Intake::run_filters(tcp::DownstreamConnection& connection, Position& position,
                                    bool end_of_stream, std::size_t& minimum) {
  auto& filters = position.listener->listener_filters;
  for (; position.filter < filters.size(); ++position.filter) {
    const ListenerFilterRun& run = filters[position.filter];
    if (run.disabled != nullptr && run.disabled->matches(connection.destination.endpoint.port))
      continue;
    const Outcome outcome =
        inspect(connection, *run.filter, *position.listener, end_of_stream, minimum);
    if (outcome != Outcome::done) return outcome;
  }
  return Outcome::done;
}

Intake::Outcome Intake::inspect(tcp::DownstreamConnection& connection,
                                filters::ListenerFilterInstance& filter, WorkerListener& listener,
                                bool end_of_stream, std::size_t& minimum) {
  std::size_t peeked = 0;
  if (const std::size_t most = filter.max_inspect_bytes(); most > 0) {
    auto& buffer = *worker_.relay.shared;
    const ssize_t got =
        recv(connection.socket.get(), buffer.data(), std::min(most, buffer.size()), MSG_PEEK);
    if (got < 0 && errno != EAGAIN && errno != EWOULDBLOCK) {
      listener.runtime.stats->downstream_listener_filter_remote_close.add();
      refuse(connection, listener, EndReason::closed_while_inspecting);
      return Outcome::ended;
    }
    if (got == 0) end_of_stream = true;  // FIN and nothing before it
    peeked = got > 0 ? static_cast<std::size_t>(got) : 0;
  }
  const auto verdict =
      filter.inspect(std::span(worker_.relay.shared->data(), peeked), end_of_stream, connection);
  switch (verdict.kind) {
    case filters::InspectVerdict::Kind::proceed:
      return Outcome::done;
    case filters::InspectVerdict::Kind::need_more:
      minimum = verdict.minimum;
      return Outcome::waiting;
    case filters::InspectVerdict::Kind::reject:
      break;
  }
  listener.runtime.stats->downstream_listener_filter_error.add();
  refuse(connection, listener, verdict.reason);
  return Outcome::ended;
}

void Intake::filters_done(tcp::DownstreamConnection&& connection, Position position) {
  const bool hand_off = position.may_hand_off &&
                        position.listener->runtime.config->use_original_dst && connection.restored;
  if (hand_off) {
    const auto owner = handoff_->find(connection.destination);
    // Finding itself, or a newer version of itself, means the connection is already where it
    // belongs.
    if (owner && listeners_[*owner]->runtime.index != position.listener->runtime.index) {
      advance(std::move(connection), Position{listeners_[*owner], 0, false});
      return;
    }
  }
  choose_chain(std::move(connection), *position.listener);
}

void Intake::choose_chain(tcp::DownstreamConnection&& connection, WorkerListener& listener) {
  connection.listener.emplace(listener.runtime);
  MatchInput input;
  input.destination = connection.destination.endpoint;
  input.source = connection.peer.endpoint;
  input.direct_source = connection.peer.endpoint.address;
  input.transport_protocol = "raw_buffer";
  if (const auto* inspected = connection.inspection.get()) {
    input.server_name = inspected->server_name;
    input.application_protocols = inspected->application_protocols;
    if (!inspected->transport_protocol.empty())
      input.transport_protocol = inspected->transport_protocol;
  }
  connection.filter_chain = listener.shared->matcher.find(input);
  if (connection.filter_chain == nullptr) {
    listener.runtime.stats->no_filter_chain_match.add();
    refuse(connection, listener, EndReason::no_filter_chain);
    return;
  }
  filters::NetworkFilterInstance* filter = listener.instance_of(*connection.filter_chain);
  if (filter == nullptr) {
    refuse(connection, listener, EndReason::no_network_filter);
    return;
  }
  if (filter->drain_round == filters::NetworkFilterInstance::kDrainIsOver) {
    refuse(connection, listener, EndReason::drained);
    return;
  }
  filter->on_connection(std::move(connection));
}

void Intake::refuse(tcp::DownstreamConnection& connection, WorkerListener& listener,
                    EndReason reason) {
  auto record = filters::record_of(connection, worker_.loop.now());
  record.listener_name = listener.runtime.config->name;
  filters::report_end(worker_, reason, record, listener.runtime.access_logs, {});
  connection.socket.reset();
}

}  // namespace weir::listener
