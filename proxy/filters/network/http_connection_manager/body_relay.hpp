// SPDX-License-Identifier: Apache-2.0
// BodyRelay: moves the rest of a long body from socket to socket, past sessions and filters.
#pragma once

#include <cstdint>

#include "proxy/filters/worker_context.hpp"
#include "proxy/tcp/relay.hpp"

namespace weir::filters {

/// A body with a known length that nobody looks at costs what a TCP relay costs: it is one, bounded
/// to the bytes that are left. Worker thread only.
class BodyRelay final : io::Resumable {
 public:
  /// A body with less than that to go is not worth the change.
  static constexpr std::uint64_t kWorthwhile = std::uint64_t{256} * 1024;

  class Owner {
   public:
    /// The relay's turn has come again: pump it.
    virtual void on_relay_turn(BodyRelay& relay) = 0;

   protected:
    ~Owner() = default;
  };

  /// The sockets are borrowed; each belongs to whoever gave it, for as long as the relay lives.
  BodyRelay(WorkerContext& worker, Owner& owner, int source, int destination, std::uint64_t bytes)
      : worker_(worker), owner_(owner), source_(source), destination_(destination), bytes_(bytes) {}
  BodyRelay(const BodyRelay&) = delete;
  BodyRelay& operator=(const BodyRelay&) = delete;
  ~BodyRelay();

  /// Moves what can be moved now. `source_ended`: its FIN was seen. What it yields it takes up
  /// again by itself.
  tcp::RelayStatus pump(bool source_ended);
  /// Bytes moved since the last call.
  std::uint64_t take_moved() noexcept;
  [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }

 private:
  void on_resume() override;

  WorkerContext& worker_;
  Owner& owner_;
  const int source_;
  const int destination_;
  const std::uint64_t bytes_;
  std::uint64_t counted_ = 0;
  tcp::RelayDirection direction_{false};
  bool resuming_ = false;
  bool tuned_ = false;
};

}  // namespace weir::filters
