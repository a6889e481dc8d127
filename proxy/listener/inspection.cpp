// SPDX-License-Identifier: Apache-2.0
#include "proxy/listener/inspection.hpp"

#include <sys/epoll.h>
#include <sys/ioctl.h>

namespace weir::listener {

using tcp::EndReason;

Inspection::Inspection(Intake& intake, tcp::DownstreamConnection&& connection,
                       Intake::Position position, std::size_t minimum)
    : intake_(intake),
      connection_(std::move(connection)),
      position_(position),
      minimum_(minimum),
      timer_(*this) {
  position_.listener->runtime.owner->retain();
  position_.listener->runtime.stats->downstream_pre_cx_active.add();
}

Inspection::~Inspection() {
  position_.listener->runtime.stats->downstream_pre_cx_active.sub();
  position_.listener->runtime.owner->release();
}

config::TrafficDirection Inspection::direction() const {
  return position_.listener->runtime.config->direction;
}

void Inspection::start() {
  auto& loop = intake_.worker().loop;
  auto source = loop.watch(connection_.socket.get(), EPOLLIN | EPOLLRDHUP | EPOLLET, *this, 0);
  if (!source) {
    end(EndReason::listener_filter_rejected);
    return;
  }
  source_ = *source;
  if (const auto timeout = position_.listener->runtime.config->listener_filters_timeout;
      timeout.count() > 0)
    loop.arm(timer_, timeout);
}

void Inspection::on_events(io::Events events, std::uint32_t) {
  if ((events & EPOLLERR) != 0) {  // reset: nobody waits for an answer to what was sent before
    position_.listener->runtime.stats->downstream_listener_filter_remote_close.add();
    end(EndReason::closed_while_inspecting);
    return;
  }
  const bool end_of_stream = (events & (EPOLLRDHUP | EPOLLHUP)) != 0;
  if (!end_of_stream) {
    // Below what the inspector asked for there is nothing to learn, so the bytes are not even
    // copied.
    int available = 0;
    if (minimum_ > 1 && ioctl(connection_.socket.get(), FIONREAD, &available) == 0 &&
        static_cast<std::size_t>(available) < minimum_)
      return;
  }
  look(end_of_stream);
}

void Inspection::look(bool end_of_stream) {
  switch (intake_.run_filters(connection_, position_, end_of_stream, minimum_)) {
    case Intake::Outcome::waiting:
      return;
    case Intake::Outcome::done:
      leave_with(true);
      return;
    case Intake::Outcome::ended:
      leave_with(false);
      return;
  }
}

void Inspection::leave_with(bool proceed) {
  Intake& intake = intake_;
  Intake::Position position = position_;
  tcp::DownstreamConnection connection = std::move(connection_);
  // Whoever gets the connection registers the socket again, with the events that it wants.
  if (connection.socket) {
    intake.worker().loop.unwatch(source_, connection.socket.get());
  } else {
    intake.worker().loop.forget(source_);
  }
  tcp::WorkerRef& owner = *position.listener->runtime.owner;
  owner.retain();  // this object's hold ends before the connection has found its next one
  intake.worker().connection_blocks.destroy(this);
  if (proceed) intake.filters_done(std::move(connection), position);
  owner.release();
}

void Inspection::on_timer() {
  position_.listener->runtime.stats->downstream_pre_cx_timeout.add();
  if (position_.listener->runtime.config->continue_on_listener_filters_timeout) {
    leave_with(true);  // with what was found out so far
    return;
  }
  end(EndReason::listener_filter_timeout);
}

void Inspection::end(EndReason reason) {
  intake_.refuse(connection_, *position_.listener, reason);
  leave_with(false);
}

}  // namespace weir::listener
