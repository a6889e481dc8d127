// SPDX-License-Identifier: Apache-2.0
// RouteTableDirectory: the route tables that are resources of their own, as the workers use them.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "proxy/filters/filter.hpp"
#include "proxy/route/route_table.hpp"
#include "proxy/server/worker.hpp"

namespace weir::server {

/// Main thread. A table changes by message; a request keeps the one that it began with.
class RouteTableDirectory final : public filters::RouteTableLookup {
 public:
  using Workers = std::vector<std::unique_ptr<Worker>>;

  explicit RouteTableDirectory(const Workers& workers) : workers_(workers) {}

  /// From now on; null says that nobody waits for it any longer, and takes no table away.
  void set(const std::string& name, std::shared_ptr<const route::RouteTable> table);
  /// Nobody wants it any more. Whoever still drains keeps it.
  void forget(const std::string& name) { entries_.erase(name); }
  /// set() was called for it.
  [[nodiscard]] bool knows(const std::string& name) const;

  std::shared_ptr<filters::RouteTableSlot> find_route_table(const std::string& name,
                                                            unsigned worker) override;

 private:
  struct Entry {
    std::shared_ptr<const route::RouteTable> table;
    bool known = false;
    std::vector<std::weak_ptr<filters::RouteTableSlot>> slots;  // by worker
  };
  const Workers& workers_;
  std::unordered_map<std::string, Entry> entries_;
};

}  // namespace weir::server
