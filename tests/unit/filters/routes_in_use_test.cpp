// SPDX-License-Identifier: Apache-2.0
#include "proxy/filters/network/http_connection_manager/routes_in_use.hpp"

#include <gtest/gtest.h>

namespace weir::filters {
namespace {

std::shared_ptr<const route::RouteTable> table(bool switches = false) {
  auto config = std::make_shared<route::RouteConfig>();
  if (switches) {
    route::RouteFilter filter;
    filter.filter = "f";
    filter.disabled = true;
    config->filters.push_back(std::move(filter));
  }
  auto built = route::RouteTable::build(std::move(config));
  EXPECT_TRUE(built);
  return *std::move(built);
}

TEST(RoutesInUse, AVersionLivesAsLongAsSomebodyUsesIt) {
  RouteTableSlot slot;
  auto first = table();
  const std::weak_ptr<const route::RouteTable> watched = first;
  slot.current = RouteTablePin(std::move(first));
  {
    const RouteTablePin request = slot.current;
    const RouteTablePin another = request;
    const auto second = table();
    slot.current = RouteTablePin(second);
    EXPECT_FALSE(watched.expired());
    EXPECT_EQ(&another.table(), watched.lock().get());
    EXPECT_EQ(&slot.current.table(), second.get());
  }
  EXPECT_TRUE(watched.expired());
}

TEST(RoutesInUse, AnEmptyPinHasNoTable) {
  EXPECT_FALSE(RouteTablePin());
  EXPECT_FALSE(RouteTablePin(nullptr));
  RouteTablePin moved{table()};
  const RouteTablePin pin = std::move(moved);
  EXPECT_TRUE(pin);
}

TEST(RoutesInUse, TellsIfRoutesSwitchFiltersOff) {
  EXPECT_FALSE(RouteTablePin(table()).switches_filters());
  EXPECT_TRUE(RouteTablePin(table(true)).switches_filters());
}

}  // namespace
}  // namespace weir::filters
