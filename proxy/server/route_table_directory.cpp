// SPDX-License-Identifier: Apache-2.0
#include "proxy/server/route_table_directory.hpp"

#include <utility>

#include "proxy/filters/network/http_connection_manager/routes_in_use.hpp"

namespace weir::server {

void RouteTableDirectory::set(const std::string& name,
                              std::shared_ptr<const route::RouteTable> table) {
  Entry& entry = entries_[name];
  entry.known = true;
  if (table == nullptr) return;
  entry.table = std::move(table);
  for (std::size_t i = 0; i < entry.slots.size(); ++i)
    if (auto slot = entry.slots[i].lock())
      workers_[i]->set_route_table(std::move(slot), filters::RouteTablePin(entry.table));
}

bool RouteTableDirectory::knows(const std::string& name) const {
  const auto found = entries_.find(name);
  return found != entries_.end() && found->second.known;
}

std::shared_ptr<filters::RouteTableSlot> RouteTableDirectory::find_route_table(
    const std::string& name, unsigned worker) {
  Entry& entry = entries_[name];
  if (entry.slots.size() <= worker) entry.slots.resize(workers_.size());
  if (auto slot = entry.slots[worker].lock()) return slot;
  auto fresh = std::make_shared<filters::RouteTableSlot>();
  fresh->current = filters::RouteTablePin(entry.table);
  entry.slots[worker] = fresh;
  return fresh;
}

}  // namespace weir::server
