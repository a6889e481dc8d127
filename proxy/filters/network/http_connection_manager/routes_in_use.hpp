// SPDX-License-Identifier: Apache-2.0
// The route table that HTTP connection managers of one worker use: the same for good, or (rds) one
// after another.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include "proxy/route/route_table.hpp"

namespace weir::filters {

/// One version of a table on one worker, counted without atomics: only pins know it.
struct WorkerRouteTable {
  std::shared_ptr<const route::RouteTable> table;  // not null
  bool switches_filters = false;                   // a route can switch filters off
  std::uint32_t users = 0;
};

/// Keeps a version for as long as somebody uses it. Of one thread, but for being moved to another
/// while nobody else has the version.
class RouteTablePin {
 public:
  RouteTablePin() = default;
  /// `table` null: an empty pin.
  explicit RouteTablePin(std::shared_ptr<const route::RouteTable> table);
  RouteTablePin(const RouteTablePin& other) noexcept : used_(other.used_) {
    if (used_ != nullptr) ++used_->users;
  }
  RouteTablePin(RouteTablePin&& other) noexcept : used_(std::exchange(other.used_, nullptr)) {}
  RouteTablePin& operator=(RouteTablePin other) noexcept {
    std::swap(used_, other.used_);
    return *this;
  }
  ~RouteTablePin() {
    if (used_ != nullptr && --used_->users == 0) delete used_;
  }

  explicit operator bool() const noexcept { return used_ != nullptr; }
  [[nodiscard]] const route::RouteTable& table() const noexcept { return *used_->table; }
  [[nodiscard]] const route::RouteConfig& config() const noexcept { return used_->table->config(); }
  [[nodiscard]] bool switches_filters() const noexcept { return used_->switches_filters; }

 private:
  WorkerRouteTable* used_ = nullptr;
};

/// Requests that begin use `current`; empty: there is no table, and no route. Worker thread only,
/// once a worker knows it.
struct RouteTableSlot {
  RouteTablePin current;
};

}  // namespace weir::filters
