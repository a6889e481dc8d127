// SPDX-License-Identifier: Apache-2.0
// StatusCodes: how many responses had which HTTP status.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "proxy/stats/counter.hpp"
#include "proxy/stats/lazy_block.hpp"

namespace weir::stats {

/// One counter per status 100 … 599, ten at a time, where they are used. add() by the owning thread
/// only.
class StatusCodes {
 public:
  /// A status that does not exist is not counted.
  void add(unsigned status) {
    if (status < kFirst || status > kLast) return;
    tens_.get()[(status - kFirst) / kTen].get()[(status - kFirst) % kTen].add();
  }
  /// Calls `use(status, count)` for every status that occurred. Any thread.
  template <class Use>
  void for_each(Use&& use) const {
    const Tens* tens = tens_.peek();
    for (std::size_t i = 0; tens != nullptr && i < tens->size(); ++i) {
      const Ten* ten = (*tens)[i].peek();
      for (std::size_t j = 0; ten != nullptr && j < kTen; ++j)
        if (const std::uint64_t count = (*ten)[j].value(); count > 0)
          use(static_cast<unsigned>(kFirst + i * kTen + j), count);
    }
  }

 private:
  static constexpr unsigned kFirst = 100;
  static constexpr unsigned kLast = 599;
  static constexpr std::size_t kTen = 10;
  using Ten = std::array<Counter, kTen>;
  using Tens = std::array<LazyBlock<Ten>, (kLast - kFirst + 1) / kTen>;

  LazyBlock<Tens> tens_;
};

}  // namespace weir::stats
