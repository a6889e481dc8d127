// SPDX-License-Identifier: Apache-2.0
// Lookups run once per connection: they must not touch the heap.
#include <cstdlib>
#include <new>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "proxy/listener/filter_chain_matcher.hpp"
#include "proxy/listener/handoff.hpp"

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

namespace weir::listener {
namespace {

TEST(NoAllocation, Handoff) {
  auto listener = std::make_shared<config::ListenerConfig>();
  listener->addresses.push_back({ListenAddress{*Endpoint::parse("0.0.0.0:80")}, false});
  const auto table =
      HandoffTable::build(std::vector<std::shared_ptr<const config::ListenerConfig>>{listener});
  const OriginalDestination destination{*Endpoint::parse("198.51.100.7:80")};
  const std::size_t before = allocations;
  const auto found = table.find(destination);
  EXPECT_EQ(allocations, before);
  EXPECT_TRUE(found);
}

TEST(NoAllocation, FilterChainMatcher) {
  config::ListenerConfig listener;
  listener.filter_chains.resize(2);
  auto& match = listener.filter_chains[0].match;
  match.destination_port = 443;
  match.prefix_ranges = {*CidrRange::parse("198.51.100.0/24")};
  match.server_names = {"*.a-name-that-is-longer-than-any-small-string.example.com"};
  match.transport_protocol = "tls";
  match.application_protocols = {"a-protocol-that-is-longer-than-any-small-string"};
  match.source_type = config::SourceType::external;
  const auto matcher = FilterChainMatcher::build(listener);
  ASSERT_TRUE(matcher);

  const std::vector<std::string> protocols{"h2", "a-protocol-that-is-longer-than-any-small-string"};
  MatchInput input;
  input.destination = *Endpoint::parse("198.51.100.7:443");
  input.server_name = "www.x.a-name-that-is-longer-than-any-small-string.example.com";
  input.transport_protocol = "tls";
  input.application_protocols = protocols;
  input.source = *Endpoint::parse("203.0.113.9:40000");
  input.direct_source = input.source.address;
  const std::size_t before = allocations;
  const auto* const chain = matcher->find(input);
  EXPECT_EQ(allocations, before);
  EXPECT_EQ(chain, listener.filter_chains.data());
}

}  // namespace
}  // namespace weir::listener
