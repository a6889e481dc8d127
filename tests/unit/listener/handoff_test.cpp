// SPDX-License-Identifier: Apache-2.0
#include "proxy/listener/handoff.hpp"

#include <string>

#include <gtest/gtest.h>

namespace weir::listener {
namespace {

using config::ListenerAddressConfig;
using config::ListenerConfig;
using Listeners = std::vector<std::shared_ptr<const ListenerConfig>>;

ListenerAddressConfig at(std::string_view endpoint) {
  return {ListenAddress{*Endpoint::parse(endpoint)}, false};
}
ListenerAddressConfig compat(std::string_view endpoint) {
  return {ListenAddress{*Endpoint::parse(endpoint)}, true};
}

std::shared_ptr<const ListenerConfig> listener(std::vector<ListenerAddressConfig> addresses,
                                               bool bind_to_port = false) {
  auto config = std::make_shared<ListenerConfig>();
  config->addresses = std::move(addresses);
  config->bind_to_port = bind_to_port;
  return config;
}

OriginalDestination to(std::string_view endpoint) {
  return OriginalDestination{*Endpoint::parse(endpoint)};
}

using Found = std::optional<std::size_t>;
constexpr Found kMiss = std::nullopt;

TEST(Handoff, NothingIsFoundInAnEmptyTable) {
  EXPECT_EQ(HandoffTable().find(to("198.51.100.7:80")), kMiss);
  EXPECT_EQ(HandoffTable::build({}).find(to("198.51.100.7:80")), kMiss);
}

TEST(Handoff, NormalRedirect) {
  const Listeners listeners{listener({at("0.0.0.0:15001")}, true),
                            listener({at("198.51.100.7:80")})};
  const auto table = HandoffTable::build(listeners);
  EXPECT_EQ(table.find(to("198.51.100.7:80")), Found(1));
  EXPECT_EQ(table.find(to("198.51.100.7:81")), kMiss);
  EXPECT_EQ(table.find(to("198.51.100.8:80")), kMiss);
}

TEST(Handoff, NormalRedirectWithMultiAddrs) {
  const Listeners listeners{
      listener({at("0.0.0.0:15001"), at("[::]:15001")}, true),
      listener({at("198.51.100.7:80"), at("203.0.113.7:81"), at("[2001:db8::1]:82")})};
  const auto table = HandoffTable::build(listeners);
  EXPECT_EQ(table.find(to("198.51.100.7:80")), Found(1));
  EXPECT_EQ(table.find(to("203.0.113.7:81")), Found(1));
  EXPECT_EQ(table.find(to("[2001:db8::1]:82")), Found(1));
  EXPECT_EQ(table.find(to("203.0.113.7:80")), kMiss);
}

TEST(Handoff, BoundListenersAreFoundToo) {
  const Listeners listeners{listener({at("198.51.100.7:80")}, true),
                            listener({at("198.51.100.8:80")}, false)};
  const auto table = HandoffTable::build(listeners);
  EXPECT_EQ(table.find(to("198.51.100.7:80")), Found(0));
  EXPECT_EQ(table.find(to("198.51.100.8:80")), Found(1));
}

TEST(Handoff, ANonRedirectedConnectionFindsTheCaptureListenerItself) {
  const Listeners listeners{listener({at("0.0.0.0:15001")}, true)};
  EXPECT_EQ(HandoffTable::build(listeners).find(to("198.51.100.7:15001")), Found(0));
}

TEST(Handoff, MatchLatestListener) {
  const Listeners listeners{listener({at("198.51.100.7:80")}), listener({at("198.51.100.7:80")}),
                            listener({at("198.51.100.7:81")})};
  EXPECT_EQ(HandoffTable::build(listeners).find(to("198.51.100.7:80")), Found(1));
}

TEST(Handoff, FallbackToWildcardListener) {
  const Listeners listeners{listener({at("0.0.0.0:80")}), listener({at("[::]:80")})};
  const auto table = HandoffTable::build(listeners);
  EXPECT_EQ(table.find(to("198.51.100.7:80")), Found(0));
  EXPECT_EQ(table.find(to("[2001:db8::1]:80")), Found(1));
  EXPECT_EQ(table.find(to("198.51.100.7:81")), kMiss);
}

TEST(Handoff, AnExactAddressWinsOverTheWildcardInEitherOrder) {
  const auto exact = listener({at("198.51.100.7:80")});
  const auto wildcard = listener({at("0.0.0.0:80")});
  EXPECT_EQ(HandoffTable::build(Listeners{exact, wildcard}).find(to("198.51.100.7:80")), Found(0));
  EXPECT_EQ(HandoffTable::build(Listeners{wildcard, exact}).find(to("198.51.100.7:80")), Found(1));
}

TEST(Handoff, AStoppedListenerGivesWayToTheWildcard) {
  const Listeners listeners{listener({at("198.51.100.7:80")}), listener({at("0.0.0.0:80")})};
  EXPECT_EQ(HandoffTable::build(listeners, {true}).find(to("198.51.100.7:80")), Found(1));
  EXPECT_EQ(HandoffTable::build(listeners, {true, true}).find(to("198.51.100.7:80")), kMiss);
  EXPECT_EQ(HandoffTable::build(listeners, {false, true}).find(to("198.51.100.7:80")), Found(0));
  EXPECT_EQ(HandoffTable::build(listeners, {false, true}).find(to("198.51.100.8:80")), kMiss);
}

TEST(Handoff, AStoppedListenerGivesWayToAnOlderOneOfTheSameAddress) {
  const Listeners listeners{listener({at("198.51.100.7:80")}), listener({at("198.51.100.7:80")})};
  EXPECT_EQ(HandoffTable::build(listeners, {false, true}).find(to("198.51.100.7:80")), Found(0));
}

TEST(Handoff, MatchIPv6WildcardListener) {
  const Listeners listeners{listener({at("[::]:80")})};
  const auto table = HandoffTable::build(listeners);
  EXPECT_EQ(table.find(to("[2001:db8::1]:80")), Found(0));
  EXPECT_EQ(table.find(to("[2001:db8::1]:81")), kMiss);
}

TEST(Handoff, MatchIPv6WildcardListenerWithAnyAddressAndIpv4CompatFlag) {
  const Listeners listeners{listener({compat("[::]:80")})};
  const auto table = HandoffTable::build(listeners);
  EXPECT_EQ(table.find(to("198.51.100.7:80")), Found(0));
  EXPECT_EQ(table.find(to("[2001:db8::1]:80")), Found(0));
}

TEST(Handoff, MatchIpv4CompatibleIPv6ListenerWithIpv4CompatFlag) {
  const Listeners listeners{listener({compat("[::ffff:198.51.100.7]:80")})};
  const auto table = HandoffTable::build(listeners);
  EXPECT_EQ(table.find(to("198.51.100.7:80")), Found(0));
  EXPECT_EQ(table.find(to("198.51.100.8:80")), kMiss);
}

TEST(Handoff, NotMatchIPv6WildcardListenerWithoutIpv4CompatFlag) {
  const Listeners listeners{listener({at("[::]:80")}), listener({at("[::ffff:198.51.100.7]:81")})};
  const auto table = HandoffTable::build(listeners);
  EXPECT_EQ(table.find(to("198.51.100.7:80")), kMiss);
  EXPECT_EQ(table.find(to("198.51.100.7:81")), kMiss);
}

TEST(Handoff, MatchIpv4WhenBothIpv4AndIPv6WithIpv4CompatFlag) {
  const auto v4 = listener({at("0.0.0.0:80")});
  const auto dual = listener({compat("[::]:80")});
  const auto v4_first = HandoffTable::build(Listeners{v4, dual});
  EXPECT_EQ(v4_first.find(to("198.51.100.7:80")), Found(0));
  EXPECT_EQ(v4_first.find(to("[2001:db8::1]:80")), Found(1));
  const auto v4_last = HandoffTable::build(Listeners{dual, v4});
  EXPECT_EQ(v4_last.find(to("198.51.100.7:80")), Found(1));
  EXPECT_EQ(v4_last.find(to("[2001:db8::1]:80")), Found(0));
}

TEST(Handoff, MatchIpv4WhenBothIpv4AndIPv6WithIpv4CompatFlag2) {
  // Both addresses in one listener: its own wildcards do not fight.
  const Listeners listeners{listener({at("0.0.0.0:80"), compat("[::]:80")})};
  const auto table = HandoffTable::build(listeners);
  EXPECT_EQ(table.find(to("198.51.100.7:80")), Found(0));
  EXPECT_EQ(table.find(to("[2001:db8::1]:80")), Found(0));
}

TEST(Handoff, UpdateIpv4MappedListener) {
  // The mapped form takes the IPv4 key over, as every exact address does.
  const auto plain = listener({at("198.51.100.7:80")});
  const auto mapped = listener({compat("[::ffff:198.51.100.7]:80")});
  EXPECT_EQ(HandoffTable::build(Listeners{plain, mapped}).find(to("198.51.100.7:80")), Found(1));
  EXPECT_EQ(HandoffTable::build(Listeners{mapped, plain}).find(to("198.51.100.7:80")), Found(1));
}

TEST(Handoff, OfTwoDualStackWildcardsTheFirstKeepsIpv4) {
  const Listeners listeners{listener({compat("[::]:80")}), listener({compat("[::]:80")})};
  const auto table = HandoffTable::build(listeners);
  EXPECT_EQ(table.find(to("198.51.100.7:80")), Found(0));
  EXPECT_EQ(table.find(to("[2001:db8::1]:80")), Found(1));
}

TEST(Handoff, TheIpv4CompatFlagMeansNothingOnOtherAddresses) {
  const Listeners listeners{listener({compat("198.51.100.7:80")}),
                            listener({compat("[2001:db8::1]:80")})};
  const auto table = HandoffTable::build(listeners);
  EXPECT_EQ(table.find(to("198.51.100.7:80")), Found(0));
  EXPECT_EQ(table.find(to("198.51.100.8:80")), kMiss);
  EXPECT_EQ(table.find(to("[::]:80")), kMiss);
}

TEST(Handoff, AnEphemeralPortIsNotRegistered) {
  const Listeners listeners{listener({at("0.0.0.0:0")})};
  EXPECT_EQ(HandoffTable::build(listeners).find(to("198.51.100.7:0")), kMiss);
}

TEST(Handoff, FindsEachOfManyListeners) {
  Listeners listeners;
  for (unsigned i = 0; i < 5000; ++i)
    listeners.push_back(listener({{ListenAddress{{IpAddress::v4(0xc6336400u + i / 100),
                                                  static_cast<std::uint16_t>(1000 + i % 100)}},
                                   false}}));
  const auto table = HandoffTable::build(listeners);
  for (std::size_t i = 0; i < listeners.size(); ++i)
    ASSERT_EQ(table.find(OriginalDestination{listeners[i]->addresses[0].address.endpoint}),
              Found(i));
}

}  // namespace
}  // namespace weir::listener
