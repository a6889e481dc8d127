// SPDX-License-Identifier: Apache-2.0
// FloodGuard: counts what a peer may send in order to keep us busy, as Envoy counts it.
#pragma once

#include <chrono>
#include <cstdint>

#include "proxy/http/protocol_options.hpp"

namespace weir::http {

enum class Flood : std::uint8_t {
  none,
  empty_frames,
  priority_frames,
  window_updates,
  premature_resets,
};

/// Pure counters of one connection; each function that counts says whether that was too much.
class FloodGuard {
 public:
  using Clock = std::chrono::steady_clock;
  /// A stream that the peer takes back sooner than this was not meant seriously.
  static constexpr std::chrono::seconds kSeriousLifetime{1};
  static constexpr std::uint64_t kEnoughStreams = 500;

  explicit FloodGuard(const Http2Options& options) noexcept
      : max_empty_(options.max_empty_frames),
        max_priority_(options.max_inbound_priority_frames_per_stream),
        max_window_updates_(options.max_inbound_window_updates_per_data) {}

  void on_stream_opened() noexcept { ++opened_; }
  void on_data_sent() noexcept { ++data_sent_; }

  /// A DATA, HEADERS or CONTINUATION frame; `empty`: without content and without END_STREAM.
  Flood on_content_frame(bool empty) noexcept {
    empty_ = empty ? empty_ + 1 : 0;
    return empty_ > max_empty_ ? Flood::empty_frames : Flood::none;
  }
  Flood on_priority() noexcept {
    return ++priority_ > max_priority_ * (1 + opened_) ? Flood::priority_frames : Flood::none;
  }
  Flood on_window_update() noexcept {
    return ++window_updates_ > 5 + 2 * (opened_ + max_window_updates_ * data_sent_)
               ? Flood::window_updates
               : Flood::none;
  }
  /// A stream of the peer's has ended. `reset`: by the peer, or by us for the peer's fault.
  Flood on_stream_closed(bool reset, Clock::duration lived) noexcept {
    ++closed_;
    if (!reset || lived >= kSeriousLifetime) return Flood::none;
    ++premature_;
    // Before there are enough streams to judge: only when good ones could not make up for it.
    const std::uint64_t judged = closed_ < kEnoughStreams ? kEnoughStreams : closed_;
    return premature_ * 2 >= judged ? Flood::premature_resets : Flood::none;
  }

 private:
  std::uint64_t max_empty_;
  std::uint64_t max_priority_;
  std::uint64_t max_window_updates_;
  std::uint64_t opened_ = 0;
  std::uint64_t data_sent_ = 0;
  std::uint64_t empty_ = 0;
  std::uint64_t priority_ = 0;
  std::uint64_t window_updates_ = 0;
  std::uint64_t closed_ = 0;
  std::uint64_t premature_ = 0;
};

}  // namespace weir::http
