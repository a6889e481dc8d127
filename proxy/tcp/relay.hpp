// SPDX-License-Identifier: Apache-2.0
// RelayDirection: moves the bytes of one direction between two sockets, and knows how; its owner
// does not.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "proxy/io/buffer_pool.hpp"
#include "proxy/io/pipe_pool.hpp"

namespace weir::tcp {

/// What the directions of one worker share. `shared` is the buffer that every read goes through.
struct RelayResources {
  std::unique_ptr<io::Buffer> shared = std::unique_ptr<io::Buffer>(new io::Buffer);
  io::BufferPool buffers;
  io::PipePool pipes;
};

enum class RelayStatus : std::uint8_t {
  waiting,            // the source is empty: go on at its next event
  blocked,            // the destination takes no more: go on when it is writable
  yielded,            // the turn's share is used up: go on soon
  finished,           // end of stream was passed on (FIN), or all of `total` has moved
  source_failed,      // reading failed, errno in failure(); 0: it ended before `total`
  destination_failed  // writing failed, errno in failure()
};

/// What a read that returned less than it asked for says about the source.
enum class ShortRead : std::uint8_t {
  empties_queue,  // nothing more is there now
  ends_stream,    // EPOLLRDHUP was seen: the FIN follows
  proves_nothing  // urgent data or an error was seen: only another read tells (a read stops at the
                  // urgent mark, and a reset stands behind the data that arrived before it)
};

/// One direction of a relayed connection. The strategy changes while it lives: a read into the
/// worker's shared buffer that is written straight through; a spill buffer for what the destination
/// would not take; and, once a read has filled the shared buffer, splice(2) through a pooled pipe
/// until the source runs dry. Holds no memory while nothing is in flight. Sockets are non-blocking
/// and registered edge-triggered. Worker thread.
class RelayDirection {
 public:
  static constexpr std::uint64_t kUnbounded = UINT64_MAX;

  /// `set_no_delay`: the destination has no TCP_NODELAY yet; it gets it before the second write.
  /// The first one goes out at once in any case, so a connection of one request never pays for the
  /// call.
  explicit RelayDirection(bool set_no_delay) noexcept : set_no_delay_(set_no_delay) {}

  /// Moves what can be moved now. `short_read`: what the events of the source have told so far.
  /// `limit`: most bytes to hold in user space, per_connection_buffer_limit_bytes.
  /// `last`: the other direction has finished, so the owner closes both sockets after this one; the
  /// end of stream is then left to close(2).
  /// `total`: with so many bytes, from the first to the last, the direction is finished and both
  /// sockets stay open; the same in every call.
  RelayStatus pump(int source, int destination, RelayResources& resources, ShortRead short_read,
                   std::size_t limit, bool last = false, std::uint64_t total = kUnbounded);

  /// Returns buffer and pipe. Call before destruction.
  void release(RelayResources& resources);

  [[nodiscard]] std::uint64_t bytes() const noexcept {
    return bytes_;
  }  // accepted by the destination
  [[nodiscard]] std::size_t buffered() const noexcept;
  [[nodiscard]] bool finished() const noexcept { return finished_; }
  [[nodiscard]] bool blocked() const noexcept { return blocked_; }
  [[nodiscard]] int failure() const noexcept { return failure_; }
  /// True once the direction has carried bulk data: worth tuning its sockets.
  [[nodiscard]] bool bulk() const noexcept { return bulk_; }

 private:
  enum class Step : std::uint8_t { again, empty, blocked, end, source_failed, destination_failed };
  Step flush_spill(int destination, RelayResources& resources);
  Step copy(int source, int destination, RelayResources& resources, ShortRead short_read,
            std::size_t limit, std::uint64_t total);
  Step fill_pipe(int source, std::uint64_t total);
  Step drain_pipe(int destination);
  Step splice_through(int source, int destination, RelayResources& resources, std::uint64_t total);
  Step at_end(std::uint64_t total) noexcept;
  [[nodiscard]] std::uint64_t left_of(std::uint64_t total) const noexcept;
  static Step after(ShortRead short_read) noexcept;
  Step fail(Step step, int error) noexcept;

  std::unique_ptr<io::Buffer> spill_;
  std::unique_ptr<io::Pipe> pipe_;
  std::uint64_t bytes_ = 0;
  std::uint32_t spill_begin_ = 0;
  std::uint32_t spill_end_ = 0;
  int failure_ = 0;
  bool set_no_delay_;
  bool written_ = false;
  bool end_of_stream_ = false;
  bool finished_ = false;
  bool blocked_ = false;
  bool splice_ = false;
  bool bulk_ = false;
};

}  // namespace weir::tcp
