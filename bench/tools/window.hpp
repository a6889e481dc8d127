// SPDX-License-Identifier: Apache-2.0
// The measured part of a run: a warm-up, then a window of time (or everything, for a fixed count).
#pragma once

#include <cstdint>

#include "bench/tools/cpu_watch.hpp"
#include "bench/tools/flags.hpp"
#include "bench/tools/sockets.hpp"

namespace bench {

class Window {
 public:
  explicit Window(const Flags& flags)
      : cpu_(flags.list("proxy"), flags.list("upstream")),
        warm_ns_(static_cast<std::int64_t>(flags.number("warm", 0.3) * 1e9)),
        length_ns_(static_cast<std::int64_t>(flags.number("seconds", 1.0) * 1e9)),
        begun_(now_ns()) {}

  // Call often: opens the window when the warm-up is over. True once the window is over.
  bool advance(std::int64_t now) {
    if (!open_ && now - begun_ >= warm_ns_) open();
    return open_ && now - opened_ >= length_ns_;
  }
  // Opens the window at once: for a fixed count of requests.
  void open() {
    cpu_.start();
    open_ = true;
    // Reading /proc takes a while, so the clock starts after it.
    opened_ = now_ns();
  }
  void close() {
    closed_ = now_ns();
    cpu_.stop();
  }
  bool is_open() const { return open_; }
  double seconds() const { return static_cast<double>(closed_ - opened_) / 1e9; }
  const CpuWatch& cpu() const { return cpu_; }

 private:
  CpuWatch cpu_;
  std::int64_t warm_ns_, length_ns_, begun_;
  std::int64_t opened_ = 0, closed_ = 0;
  bool open_ = false;
};

}  // namespace bench
