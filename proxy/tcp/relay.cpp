// SPDX-License-Identifier: Apache-2.0
#include "proxy/tcp/relay.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>

#include "common/socket_options.hpp"

namespace weir::tcp {
namespace {

// What one direction may move in one turn before the others get theirs.
constexpr std::size_t kTurnBytes = 4 * 1024 * 1024;

// A spliced read below this does not pay for the pipe's two system calls per block: back to
// copying.
constexpr std::size_t kSpliceWorthwhile = 32 * 1024;

bool would_block(int error) { return error == EAGAIN || error == EWOULDBLOCK; }

}  // namespace

RelayDirection::Step RelayDirection::after(ShortRead short_read) noexcept {
  switch (short_read) {
    case ShortRead::empties_queue:
      return Step::empty;
    case ShortRead::ends_stream:
      return Step::end;
    case ShortRead::proves_nothing:
      break;
  }
  return Step::again;
}

RelayDirection::Step RelayDirection::fail(Step step, int error) noexcept {
  failure_ = error;
  return step;
}

/// The source has ended: too early, when a total was expected.
RelayDirection::Step RelayDirection::at_end(std::uint64_t total) noexcept {
  return total == kUnbounded ? Step::end : fail(Step::source_failed, 0);
}

/// To be read yet.
std::uint64_t RelayDirection::left_of(std::uint64_t total) const noexcept {
  return total == kUnbounded ? kUnbounded : total - bytes_ - buffered();
}

RelayDirection::Step RelayDirection::flush_spill(int destination, RelayResources& resources) {
  while (spill_begin_ < spill_end_) {
    const ssize_t sent =
        send(destination, spill_->data() + spill_begin_, spill_end_ - spill_begin_, MSG_NOSIGNAL);
    if (sent < 0) return would_block(errno) ? Step::blocked : fail(Step::destination_failed, errno);
    bytes_ += static_cast<std::uint64_t>(sent);
    spill_begin_ += static_cast<std::uint32_t>(sent);
  }
  resources.buffers.give_back(std::move(spill_));
  spill_begin_ = spill_end_ = 0;
  return Step::again;
}

RelayDirection::Step RelayDirection::copy(int source, int destination, RelayResources& resources,
                                          ShortRead short_read, std::size_t limit,
                                          std::uint64_t total) {
  const auto room = static_cast<std::size_t>(
      std::min<std::uint64_t>(left_of(total), std::min(limit, io::kBufferSize)));
  const ssize_t got = recv(source, resources.shared->data(), room, 0);
  if (got <= 0) {
    if (got == 0) return at_end(total);
    return would_block(errno) ? Step::empty : fail(Step::source_failed, errno);
  }
  const auto size = static_cast<std::size_t>(got);
  if (set_no_delay_ && std::exchange(written_, true)) {
    set_no_delay_ = false;
    static_cast<void>(
        set_no_delay(destination, true));  // only fails on a dead socket, which send() tells
  }
  ssize_t sent = send(destination, resources.shared->data(), size, MSG_NOSIGNAL);
  if (sent < 0) {
    if (!would_block(errno)) return fail(Step::destination_failed, errno);
    sent = 0;
  }
  bytes_ += static_cast<std::uint64_t>(sent);
  if (const std::size_t rest = size - static_cast<std::size_t>(sent); rest > 0) {
    spill_ = resources.buffers.take();
    std::memcpy(spill_->data(), resources.shared->data() + sent, rest);
    spill_begin_ = 0;
    spill_end_ = static_cast<std::uint32_t>(rest);
    if (size == room) splice_ = true;
    return Step::blocked;
  }
  if (size < room) return after(short_read);
  splice_ = room == io::kBufferSize;  // a small limit asks for small reads: stay with them
  return Step::again;
}

RelayDirection::Step RelayDirection::fill_pipe(int source, std::uint64_t total) {
  const auto room =
      static_cast<std::size_t>(std::min<std::uint64_t>(left_of(total), pipe_->capacity));
  const ssize_t got = splice(source, nullptr, pipe_->write_end.get(), nullptr, room,
                             SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
  if (got < 0) return would_block(errno) ? Step::empty : fail(Step::source_failed, errno);
  if (got == 0) return at_end(total);
  pipe_->held = static_cast<std::size_t>(got);
  return Step::again;
}

RelayDirection::Step RelayDirection::drain_pipe(int destination) {
  while (pipe_->held > 0) {
    const ssize_t sent = splice(pipe_->read_end.get(), nullptr, destination, nullptr, pipe_->held,
                                SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    if (sent <= 0) {
      if (sent < 0 && would_block(errno)) return Step::blocked;
      return fail(Step::destination_failed, sent < 0 ? errno : EPIPE);
    }
    bytes_ += static_cast<std::uint64_t>(sent);
    pipe_->held -= static_cast<std::size_t>(sent);
  }
  return Step::again;
}

RelayDirection::Step RelayDirection::splice_through(int source, int destination,
                                                    RelayResources& resources,
                                                    std::uint64_t total) {
  if (pipe_ == nullptr) {
    pipe_ = resources.pipes.take();
    if (pipe_ == nullptr) {
      splice_ = false;  // no descriptor left: copying needs none
      return Step::again;
    }
  }
  const Step filled = fill_pipe(source, total);
  if (filled != Step::again) return filled;
  const std::size_t size = pipe_->held;
  const Step drained = drain_pipe(destination);
  bulk_ = true;
  if (drained == Step::again && size < kSpliceWorthwhile) splice_ = false;
  return drained;
}

RelayStatus RelayDirection::pump(int source, int destination, RelayResources& resources,
                                 ShortRead short_read, std::size_t limit, bool last,
                                 std::uint64_t total) {
  if (finished_) return RelayStatus::finished;
  blocked_ = false;
  const std::uint64_t turn_end = bytes_ + kTurnBytes;
  Step step = Step::again;
  while (step == Step::again) {
    if (spill_ != nullptr) {
      step = flush_spill(destination, resources);
    } else if (pipe_ != nullptr && pipe_->held > 0) {
      step = drain_pipe(destination);
    } else if (end_of_stream_ || left_of(total) == 0) {
      step = Step::end;
    } else if (bytes_ >= turn_end) {
      return RelayStatus::yielded;
    } else if (splice_ && short_read != ShortRead::proves_nothing) {
      // (splice(2) stops at an urgent mark and says that there is nothing)
      step = splice_through(source, destination, resources, total);
    } else {
      step = copy(source, destination, resources, short_read, limit, total);
    }
  }
  if (pipe_ != nullptr && pipe_->held == 0) resources.pipes.give_back(std::move(pipe_));
  switch (step) {
    case Step::blocked:
      blocked_ = true;
      return RelayStatus::blocked;
    case Step::end:
      end_of_stream_ = finished_ = true;
      // ENOTCONN: the destination is gone already, which its own event will tell.
      if (!last && total == kUnbounded) shutdown(destination, SHUT_WR);
      return RelayStatus::finished;
    case Step::source_failed:
      return RelayStatus::source_failed;
    case Step::destination_failed:
      return RelayStatus::destination_failed;
    case Step::again:
    case Step::empty:
      break;
  }
  return RelayStatus::waiting;
}

void RelayDirection::release(RelayResources& resources) {
  if (spill_ != nullptr) resources.buffers.give_back(std::move(spill_));
  if (pipe_ != nullptr) resources.pipes.give_back(std::move(pipe_));
}

std::size_t RelayDirection::buffered() const noexcept {
  return (spill_end_ - spill_begin_) + (pipe_ != nullptr ? pipe_->held : 0);
}

}  // namespace weir::tcp
