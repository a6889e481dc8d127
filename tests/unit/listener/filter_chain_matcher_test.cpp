// SPDX-License-Identifier: Apache-2.0
#include "proxy/listener/filter_chain_matcher.hpp"

#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::listener {
namespace {

using config::FilterChainConfig;
using config::FilterChainMatchConfig;
using config::ListenerConfig;
using config::SourceType;
using ::testing::HasSubstr;

CidrRange cidr(std::string_view text) { return *CidrRange::parse(text); }

/// A listener under construction, and questions to it by the name of the chain.
class Chains {
 public:
  Chains() {
    config_.addresses.push_back({ListenAddress{*Endpoint::parse("198.51.100.1:15001")}, false});
  }

  Chains& chain(std::string name, FilterChainMatchConfig match) {
    FilterChainConfig chain;
    chain.name = std::move(name);
    chain.match = std::move(match);
    config_.filter_chains.push_back(std::move(chain));
    return *this;
  }
  Chains& default_chain() {
    config_.default_filter_chain.emplace();
    config_.default_filter_chain->name = "default";
    return *this;
  }
  [[nodiscard]] std::string find(const MatchInput& input) const {
    const auto matcher = FilterChainMatcher::build(config_);
    EXPECT_TRUE(matcher) << matcher.error().message;
    if (!matcher) return "error";
    const auto* chain = matcher->find(input);
    return chain == nullptr ? "none" : chain->name;
  }
  [[nodiscard]] std::string error() const {
    const auto matcher = FilterChainMatcher::build(config_);
    return matcher ? "" : matcher.error().message;
  }
  ListenerConfig& config() { return config_; }

 private:
  ListenerConfig config_;
};

/// A plain connection from outside; each test changes what it is about.
struct Connection {
  MatchInput input;
  std::vector<std::string> protocols;

  Connection() {
    input.destination = *Endpoint::parse("198.51.100.7:80");
    input.transport_protocol = "raw_buffer";
    from("203.0.113.9:40000");
  }
  Connection& to(std::string_view endpoint) {
    input.destination = *Endpoint::parse(endpoint);
    return *this;
  }
  Connection& from(std::string_view endpoint) {
    input.source = *Endpoint::parse(endpoint);
    input.direct_source = input.source.address;
    return *this;
  }
  Connection& direct(std::string_view address) {
    input.direct_source = *IpAddress::parse(address);
    return *this;
  }
  Connection& tls(std::string_view name) {
    input.transport_protocol = "tls";
    input.server_name = name;
    return *this;
  }
  Connection& alpn(std::vector<std::string> list) {
    protocols = std::move(list);
    input.application_protocols = protocols;
    return *this;
  }
  operator const MatchInput&() const { return input; }  // NOLINT: reads as the input in tests
};

FilterChainMatchConfig on_port(std::uint16_t port) {
  FilterChainMatchConfig match;
  match.destination_port = port;
  return match;
}
FilterChainMatchConfig on_prefixes(std::vector<CidrRange> ranges) {
  FilterChainMatchConfig match;
  match.prefix_ranges = std::move(ranges);
  return match;
}
FilterChainMatchConfig on_names(std::vector<std::string> names) {
  FilterChainMatchConfig match;
  match.server_names = std::move(names);
  return match;
}
FilterChainMatchConfig on_transport(std::string name) {
  FilterChainMatchConfig match;
  match.transport_protocol = std::move(name);
  return match;
}
FilterChainMatchConfig on_protocols(std::vector<std::string> names) {
  FilterChainMatchConfig match;
  match.application_protocols = std::move(names);
  return match;
}
FilterChainMatchConfig on_source_type(SourceType type) {
  FilterChainMatchConfig match;
  match.source_type = type;
  return match;
}
FilterChainMatchConfig on_sources(std::vector<CidrRange> ranges) {
  FilterChainMatchConfig match;
  match.source_prefix_ranges = std::move(ranges);
  return match;
}
FilterChainMatchConfig on_direct_sources(std::vector<CidrRange> ranges) {
  FilterChainMatchConfig match;
  match.direct_source_prefix_ranges = std::move(ranges);
  return match;
}
FilterChainMatchConfig on_source_ports(std::vector<std::uint16_t> ports) {
  FilterChainMatchConfig match;
  match.source_ports = std::move(ports);
  return match;
}

TEST(FilterChainMatcher, OneChainThatMatchesEverything) {
  const Chains chains = Chains().chain("all", {});
  EXPECT_EQ(chains.find(Connection()), "all");
  EXPECT_EQ(chains.find(Connection().to("[2001:db8::1]:443").tls("a.example.com").alpn({"h2"})),
            "all");
}

TEST(FilterChainMatcher, TheDefaultChainAlone) {
  EXPECT_EQ(Chains().default_chain().find(Connection()), "default");
}

TEST(FilterChainMatcher, NothingMatchesAndThereIsNoDefault) {
  EXPECT_EQ(Chains().chain("81", on_port(81)).find(Connection()), "none");
}

TEST(FilterChainMatcher, NothingMatchesAndThereIsADefault) {
  EXPECT_EQ(Chains().chain("81", on_port(81)).default_chain().find(Connection()), "default");
}

TEST(FilterChainMatcher, DestinationPort) {
  const Chains chains =
      Chains().chain("any", {}).chain("80", on_port(80)).chain("443", on_port(443));
  EXPECT_EQ(chains.find(Connection().to("198.51.100.7:80")), "80");
  EXPECT_EQ(chains.find(Connection().to("198.51.100.7:443")), "443");
  EXPECT_EQ(chains.find(Connection().to("198.51.100.7:8080")), "any");
}

TEST(FilterChainMatcher, APortWithChainsHidesTheChainsWithoutAPort) {
  auto only_tls_on_80 = on_transport("tls");
  only_tls_on_80.destination_port = 80;
  Chains chains;
  chains.chain("any", {}).chain("80 tls", only_tls_on_80);
  EXPECT_EQ(chains.find(Connection()), "none");
  chains.default_chain();
  EXPECT_EQ(chains.find(Connection()), "default");
  EXPECT_EQ(chains.find(Connection().tls("")), "80 tls");
  EXPECT_EQ(chains.find(Connection().to("198.51.100.7:81")), "any");
}

TEST(FilterChainMatcher, APortIsNotTakenBackWhenNoPrefixMatches) {
  auto narrow = on_prefixes({cidr("203.0.113.0/24")});
  narrow.destination_port = 80;
  const Chains chains = Chains().chain("any", {}).chain("narrow", narrow).default_chain();
  EXPECT_EQ(chains.find(Connection()), "default");
  EXPECT_EQ(chains.find(Connection().to("203.0.113.7:80")), "narrow");
  EXPECT_EQ(chains.find(Connection().to("198.51.100.7:81")), "any");
}

TEST(FilterChainMatcher, LongestDestinationPrefix) {
  const Chains chains =
      Chains()
          .chain("any", {})
          .chain("/16", on_prefixes({cidr("198.51.0.0/16")}))
          .chain("/32", on_prefixes({cidr("198.51.100.7/32"), cidr("2001:db8::7/128")}))
          .chain("/24", on_prefixes({cidr("198.51.100.0/24")}));
  EXPECT_EQ(chains.find(Connection().to("198.51.100.7:80")), "/32");
  EXPECT_EQ(chains.find(Connection().to("198.51.100.8:80")), "/24");
  EXPECT_EQ(chains.find(Connection().to("198.51.101.8:80")), "/16");
  EXPECT_EQ(chains.find(Connection().to("203.0.113.8:80")), "any");
  EXPECT_EQ(chains.find(Connection().to("[2001:db8::7]:80")), "/32");
  EXPECT_EQ(chains.find(Connection().to("[2001:db8::8]:80")), "any");
}

TEST(FilterChainMatcher, ALongerPrefixThatFailsLaterIsNotTakenBack) {
  auto narrow = on_prefixes({cidr("198.51.100.0/24")});
  narrow.source_type = SourceType::same_ip_or_loopback;
  const Chains chains = Chains()
                            .chain("narrow", narrow)
                            .chain("wide", on_prefixes({cidr("198.51.0.0/16")}))
                            .default_chain();
  EXPECT_EQ(chains.find(Connection()), "default");
  EXPECT_EQ(chains.find(Connection().from("127.0.0.1:40000")), "narrow");
  EXPECT_EQ(chains.find(Connection().to("198.51.1.1:80")), "wide");
}

TEST(FilterChainMatcher, ServerNameExactThenLongestWildcardThenNone) {
  const Chains chains = Chains()
                            .chain("none", {})
                            .chain("*.com", on_names({"*.com"}))
                            .chain("*.example.com", on_names({"*.example.com"}))
                            .chain("*.b.example.com", on_names({"*.b.example.com"}))
                            .chain("exact", on_names({"c.example.com", "www.example.net"}));
  EXPECT_EQ(chains.find(Connection().tls("c.example.com")), "exact");
  EXPECT_EQ(chains.find(Connection().tls("www.example.net")), "exact");
  EXPECT_EQ(chains.find(Connection().tls("a.b.example.com")), "*.b.example.com");
  EXPECT_EQ(chains.find(Connection().tls("x.y.b.example.com")), "*.b.example.com");
  EXPECT_EQ(chains.find(Connection().tls("b.example.com")), "*.example.com");
  EXPECT_EQ(chains.find(Connection().tls("example.com")), "*.com");
  EXPECT_EQ(chains.find(Connection().tls("example.org")), "none");
  EXPECT_EQ(chains.find(Connection().tls("com")), "none");
  EXPECT_EQ(chains.find(Connection().tls("")), "none");
  EXPECT_EQ(chains.find(Connection()), "none");
}

TEST(FilterChainMatcher, AWildcardNeedsALabelInFront) {
  const Chains chains = Chains().chain("wildcard", on_names({"*.example.com"})).default_chain();
  EXPECT_EQ(chains.find(Connection().tls("example.com")), "default");
  EXPECT_EQ(chains.find(Connection().tls(".example.com")), "default");
  EXPECT_EQ(chains.find(Connection().tls("notexample.com")), "default");
  EXPECT_EQ(chains.find(Connection().tls("a.example.com.")), "default");
  EXPECT_EQ(chains.find(Connection().tls("*.example.com")), "wildcard");
}

TEST(FilterChainMatcher, OddServerNamesFindNoWildcard) {
  const Chains chains = Chains().chain("wildcard", on_names({"*.example.com"})).default_chain();
  for (const std::string_view name : {".", "..", "a.", ".a", "a..", "...example", "example.com."})
    EXPECT_EQ(chains.find(Connection().tls(name)), "default") << name;
}

TEST(FilterChainMatcher, ServerNamesOfTheConfigurationAreLowerCased) {
  const Chains chains =
      Chains().chain("a", on_names({"WWW.Example.COM", "*.B.example.com"})).default_chain();
  EXPECT_EQ(chains.find(Connection().tls("www.example.com")), "a");
  EXPECT_EQ(chains.find(Connection().tls("x.b.example.com")), "a");
}

TEST(FilterChainMatcher, AServerNameThatFailsLaterIsNotTakenBack) {
  auto exact = on_names({"www.example.com"});
  exact.application_protocols = {"h2"};
  const Chains chains =
      Chains().chain("exact", exact).chain("wildcard", on_names({"*.example.com"})).default_chain();
  EXPECT_EQ(chains.find(Connection().tls("www.example.com")), "default");
  EXPECT_EQ(chains.find(Connection().tls("www.example.com").alpn({"h2"})), "exact");
  EXPECT_EQ(chains.find(Connection().tls("api.example.com")), "wildcard");
}

TEST(FilterChainMatcher, TransportProtocol) {
  const Chains chains = Chains()
                            .chain("tls", on_transport("tls"))
                            .chain("raw", on_transport("raw_buffer"))
                            .chain("any", {});
  EXPECT_EQ(chains.find(Connection()), "raw");
  EXPECT_EQ(chains.find(Connection().tls("")), "tls");
  Connection other;
  other.input.transport_protocol = "quic";
  EXPECT_EQ(chains.find(other), "any");
}

TEST(FilterChainMatcher, ApplicationProtocolsInTheOrderOfTheConnection) {
  const Chains chains = Chains()
                            .chain("http/1.1", on_protocols({"http/1.1"}))
                            .chain("h2", on_protocols({"h2", "h2c"}))
                            .chain("any", {});
  EXPECT_EQ(chains.find(Connection().alpn({"h2", "http/1.1"})), "h2");
  EXPECT_EQ(chains.find(Connection().alpn({"http/1.1", "h2"})), "http/1.1");
  EXPECT_EQ(chains.find(Connection().alpn({"spdy", "h2c"})), "h2");
  EXPECT_EQ(chains.find(Connection().alpn({"spdy"})), "any");
  EXPECT_EQ(chains.find(Connection().alpn({"H2"})), "any");
  EXPECT_EQ(chains.find(Connection().alpn({""})), "any");
  EXPECT_EQ(chains.find(Connection()), "any");
}

TEST(FilterChainMatcher, DirectSourceIgnoresTheRestatedSource) {
  const Chains chains = Chains()
                            .chain("direct", on_direct_sources({cidr("203.0.113.0/24")}))
                            .chain("any", {})
                            .default_chain();
  EXPECT_EQ(chains.find(Connection().from("198.51.100.9:1").direct("203.0.113.1")), "direct");
  EXPECT_EQ(chains.find(Connection().from("203.0.113.1:1").direct("198.51.100.9")), "any");
}

TEST(FilterChainMatcher, SourceType) {
  const Chains chains = Chains()
                            .chain("local", on_source_type(SourceType::same_ip_or_loopback))
                            .chain("external", on_source_type(SourceType::external))
                            .chain("any", {});
  EXPECT_EQ(chains.find(Connection().from("127.0.0.6:1")), "local");
  EXPECT_EQ(chains.find(Connection().from("[::1]:1").to("[2001:db8::1]:80")), "local");
  EXPECT_EQ(chains.find(Connection().from("198.51.100.7:1").to("198.51.100.7:80")), "local");
  EXPECT_EQ(chains.find(Connection().from("203.0.113.9:1")), "external");
  EXPECT_EQ(chains.find(Connection().from("[2001:db8::2]:1").to("[2001:db8::1]:80")), "external");
}

TEST(FilterChainMatcher, AnySourceTypeServesWhatHasNoChainOfItsOwn) {
  const Chains only_local =
      Chains().chain("local", on_source_type(SourceType::same_ip_or_loopback)).chain("any", {});
  EXPECT_EQ(only_local.find(Connection()), "any");
  EXPECT_EQ(only_local.find(Connection().from("127.0.0.1:1")), "local");
  const Chains only_external =
      Chains().chain("external", on_source_type(SourceType::external)).default_chain();
  EXPECT_EQ(only_external.find(Connection().from("127.0.0.1:1")), "default");
}

TEST(FilterChainMatcher, ASpecificSourceTypeHidesAny) {
  auto local = on_source_type(SourceType::same_ip_or_loopback);
  local.source_ports = {7};
  const Chains chains = Chains().chain("local", local).chain("any", {}).default_chain();
  EXPECT_EQ(chains.find(Connection().from("127.0.0.1:8")), "default");
  EXPECT_EQ(chains.find(Connection().from("127.0.0.1:7")), "local");
  EXPECT_EQ(chains.find(Connection().from("203.0.113.9:8")), "any");
}

TEST(FilterChainMatcher, SourcePrefixLongestFirst) {
  const Chains chains = Chains()
                            .chain("/8", on_sources({cidr("203.0.0.0/8"), cidr("2001:db8::/32")}))
                            .chain("/24", on_sources({cidr("203.0.113.0/24")}))
                            .default_chain();
  EXPECT_EQ(chains.find(Connection().from("203.0.113.9:1")), "/24");
  EXPECT_EQ(chains.find(Connection().from("203.0.114.9:1")), "/8");
  EXPECT_EQ(chains.find(Connection().from("198.51.100.9:1")), "default");
  EXPECT_EQ(chains.find(Connection().from("[2001:db8::9]:1")), "/8");
}

TEST(FilterChainMatcher, SourcePort) {
  const Chains chains =
      Chains().chain("ports", on_source_ports({100, 200})).chain("any", {}).default_chain();
  EXPECT_EQ(chains.find(Connection().from("203.0.113.9:100")), "ports");
  EXPECT_EQ(chains.find(Connection().from("203.0.113.9:200")), "ports");
  EXPECT_EQ(chains.find(Connection().from("203.0.113.9:150")), "any");
  const Chains strict = Chains().chain("ports", on_source_ports({100})).default_chain();
  EXPECT_EQ(strict.find(Connection().from("203.0.113.9:150")), "default");
}

// Each criterion in turn: the earlier one decides although the later one would have preferred the
// other chain.
TEST(FilterChainMatcher, EarlierCriteriaDecideOverLaterOnes) {
  const FilterChainMatchConfig by_priority[] = {
      on_port(80),
      on_prefixes({cidr("198.51.100.7/32")}),
      on_names({"www.example.com"}),
      on_transport("tls"),
      on_protocols({"h2"}),
      on_direct_sources({cidr("203.0.113.9/32")}),
      on_source_type(SourceType::external),
      on_sources({cidr("203.0.113.9/32")}),
      on_source_ports({40000}),
  };
  for (std::size_t first = 0; first < std::size(by_priority); ++first) {
    Chains chains;
    for (std::size_t i = std::size(by_priority); i-- > first;)
      chains.chain(std::to_string(i), by_priority[i]);
    EXPECT_EQ(chains.find(Connection().tls("www.example.com").alpn({"h2"})), std::to_string(first));
  }
}

TEST(FilterChainMatcher, AllCriteriaTogether) {
  FilterChainMatchConfig match;
  match.destination_port = 443;
  match.prefix_ranges = {cidr("198.51.100.0/24"), cidr("203.0.113.0/24")};
  match.server_names = {"a.example.com", "*.b.example.com"};
  match.transport_protocol = "tls";
  match.application_protocols = {"h2", "http/1.1"};
  match.direct_source_prefix_ranges = {cidr("192.0.2.0/24")};
  match.source_type = SourceType::external;
  match.source_prefix_ranges = {cidr("203.0.113.0/24")};
  match.source_ports = {1000, 2000};
  const Chains chains = Chains().chain("all", match).default_chain();
  const auto good = [] {
    return Connection()
        .to("198.51.100.7:443")
        .tls("x.b.example.com")
        .alpn({"http/1.1"})
        .from("203.0.113.9:2000")
        .direct("192.0.2.1");
  };
  // alpn() points into its own object, so it is asked again on each copy.
  const auto ask = [&chains](Connection c) { return chains.find(c.alpn(c.protocols)); };
  EXPECT_EQ(ask(good()), "all");
  EXPECT_EQ(ask(good().to("203.0.113.1:443").tls("a.example.com")), "all");
  EXPECT_EQ(ask(good().to("198.51.100.7:444")), "default");
  EXPECT_EQ(ask(good().to("192.0.2.1:443")), "default");
  EXPECT_EQ(ask(good().tls("b.example.com")), "default");
  EXPECT_EQ(ask(good().alpn({"h3"})), "default");
  EXPECT_EQ(ask(good().direct("203.0.113.9")), "default");
  EXPECT_EQ(ask(good().from("127.0.0.1:2000").direct("192.0.2.1")), "default");
  EXPECT_EQ(ask(good().from("198.51.100.9:2000").direct("192.0.2.1")), "default");
  EXPECT_EQ(ask(good().from("203.0.113.9:3000").direct("192.0.2.1")), "default");
}

TEST(FilterChainMatcher, MovingTheMatcherKeepsTheChains) {
  Chains chains;
  chains.chain("80", on_port(80)).default_chain();
  auto built = FilterChainMatcher::build(chains.config());
  ASSERT_TRUE(built);
  const FilterChainMatcher moved = std::move(*built);
  EXPECT_EQ(moved.find(Connection()), &chains.config().filter_chains[0]);
  EXPECT_EQ(moved.find(Connection().to("198.51.100.7:81")), &*chains.config().default_filter_chain);
}

TEST(FilterChainMatcherErrors, NoChains) {
  EXPECT_EQ(Chains().error(),
            "error adding listener '198.51.100.1:15001': no filter chains specified");
}

TEST(FilterChainMatcherErrors, TheSameMatchTwiceNamesBothChains) {
  EXPECT_EQ(Chains().chain("a", on_port(80)).chain("b", on_port(80)).error(),
            "error adding listener '198.51.100.1:15001': filter chain 'b' has the same matching "
            "rules defined as 'a'");
  EXPECT_THAT(Chains().chain("a", {}).chain("b", {}).error(), HasSubstr("same matching rules"));
}

TEST(FilterChainMatcherErrors, EveryAddressIsNamed) {
  Chains chains;
  chains.config().addresses.push_back(
      {ListenAddress{*Endpoint::parse("[2001:db8::1]:15001")}, false});
  EXPECT_EQ(
      chains.error(),
      "error adding listener '198.51.100.1:15001,[2001:db8::1]:15001': no filter chains specified");
}

TEST(FilterChainMatcherErrors, OverlappingRules) {
  constexpr auto kText = "multiple filter chains with overlapping matching rules are defined";
  EXPECT_EQ(Chains()
                .chain("a", on_names({"x.example", "y.example"}))
                .chain("b", on_names({"y.example", "z.example"}))
                .error(),
            std::string("error adding listener '198.51.100.1:15001': ") + kText);
  EXPECT_THAT(
      Chains().chain("a", on_protocols({"h2"})).chain("b", on_protocols({"h2", "h2c"})).error(),
      HasSubstr(kText));
  EXPECT_THAT(
      Chains().chain("a", on_source_ports({1, 2})).chain("b", on_source_ports({2, 3})).error(),
      HasSubstr(kText));
  EXPECT_THAT(Chains()
                  .chain("a", on_prefixes({cidr("198.51.100.0/24"), cidr("203.0.113.0/24")}))
                  .chain("b", on_prefixes({cidr("203.0.113.0/24")}))
                  .error(),
              HasSubstr(kText));
  EXPECT_THAT(Chains().chain("a", on_sources({cidr("0.0.0.0/0")})).chain("b", {}).error(),
              HasSubstr(kText));
  EXPECT_THAT(
      Chains().chain("a", on_names({"*.example"})).chain("b", on_names({"*.EXAMPLE"})).error(),
      HasSubstr(kText));
}

TEST(FilterChainMatcherErrors, NestedPrefixesDoNotOverlap) {
  EXPECT_EQ(Chains()
                .chain("a", on_prefixes({cidr("198.51.0.0/16")}))
                .chain("b", on_prefixes({cidr("198.51.100.0/24")}))
                .chain("c", on_names({"*.example"}))
                .chain("d", on_names({"*.a.example", "a.example"}))
                .error(),
            "");
}

TEST(FilterChainMatcherErrors, OneChainMayNameAValueTwice) {
  EXPECT_EQ(Chains().chain("a", on_names({"x.example", "x.example"})).error(), "");
}

TEST(FilterChainMatcherErrors, PartialWildcards) {
  for (const std::string name :
       {"*", "*.", "a*.example", "*a.example", "a.*.example", "*.*.example", "*.a*", "example*"})
    EXPECT_EQ(Chains().chain("a", on_names({name})).error(),
              "error adding listener '198.51.100.1:15001': partial wildcards are not supported in "
              "\"server_names\"")
        << name;
}

}  // namespace
}  // namespace weir::listener
