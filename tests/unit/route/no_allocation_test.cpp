// SPDX-License-Identifier: Apache-2.0
// Lookups run once per request: in the usual cases they must not touch the heap.
#include <cstdlib>
#include <new>
#include <string>

#include <gtest/gtest.h>

#include "proxy/route/regex.hpp"
#include "proxy/route/route_table.hpp"
#include "tests/unit/route/request.hpp"

namespace {
std::size_t allocations = 0;
}

void* operator new(std::size_t size) {
  ++allocations;
  if (void* const memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace weir::route {
namespace {

std::shared_ptr<const RouteTable> many_hosts() {
  auto config = std::make_shared<RouteConfig>();
  config->virtual_hosts.resize(4);
  config->virtual_hosts[0].domains = {"a-name-longer-than-any-small-string.example.com"};
  config->virtual_hosts[1].domains = {"*.a-suffix-longer-than-any-small-string.example.com"};
  config->virtual_hosts[2].domains = {"a-prefix-longer-than-any-small-string.*"};
  config->virtual_hosts[3].domains = {"*"};
  for (VirtualHost& host : config->virtual_hosts) {
    host.routes.resize(5);
    host.routes[0].match.kind = RouteMatch::Path::exact;
    host.routes[0].match.path = "/exactly";
    host.routes[1].match.path = "/insensitive";
    host.routes[1].match.case_sensitive = false;
    host.routes[2].match.path = "/";
    host.routes[2].match.headers.push_back({"x-never", HeaderMatcher::Kind::present});
    host.routes[3].match.path = "/";
    host.routes[3].match.query.push_back({"never", QueryParameterMatcher::Kind::present, {}});
    host.routes[4].match.path = "/";
  }
  return *RouteTable::build(config);
}

TEST(NoAllocation, FindHost) {
  const auto table = many_hosts();
  for (const std::string_view authority :
       {"a-name-longer-than-any-small-string.example.com",
        "A-Name-Longer-Than-Any-Small-String.example.com",
        "x.a-suffix-longer-than-any-small-string.example.com",
        "a-prefix-longer-than-any-small-string.example.org", "anything.else:8080"}) {
    const std::size_t before = allocations;
    const VirtualHost* const host = table->find_host(authority);
    EXPECT_EQ(allocations, before) << authority;
    EXPECT_NE(host, nullptr);
  }
}

TEST(NoAllocation, FindRoute) {
  const auto table = many_hosts();
  const testing::Message message({{":method", "GET"},
                                  {":path", "/a/path/that/is/longer/than/any/small/string?and=so"},
                                  {":authority", "example.com"}});
  const VirtualHost& host = *table->find_host("example.com");
  const std::size_t before = allocations;
  const Route* const route = table->find_route(host, message.headers, 0);
  EXPECT_EQ(allocations, before);
  EXPECT_EQ(route, &host.routes[4]);
}

}  // namespace
}  // namespace weir::route
