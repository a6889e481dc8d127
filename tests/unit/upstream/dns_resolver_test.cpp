// SPDX-License-Identifier: Apache-2.0
#include "proxy/upstream/dns_resolver.hpp"

#include <optional>

#include <gtest/gtest.h>

#include "fake_dns_server.hpp"

namespace weir::upstream {
namespace {

using config::DnsLookupFamily;
using std::chrono::milliseconds;

class DnsResolverTest : public ::testing::Test {
 protected:
  DnsOptions options() const {
    return {{server_.endpoint()}, milliseconds(500), milliseconds(5000)};
  }

  Result<DnsAnswer> resolve(const std::string& name, DnsLookupFamily family) {
    DnsResolver resolver(io_, options());
    std::optional<Result<DnsAnswer>> answer;
    const DnsQuery query = resolver.resolve(
        name, family, [&](Result<DnsAnswer> result) { answer = std::move(result); });
    EXPECT_FALSE(answer.has_value()) << "called from inside resolve()";
    if (!run_until(io_, [&] { return answer.has_value(); })) return Error{"test: no callback"};
    return *answer;
  }
  std::vector<std::string> addresses(const std::string& name, DnsLookupFamily family) {
    const auto answer = resolve(name, family);
    if (!answer) return {answer.error().message};
    std::vector<std::string> out;
    for (const IpAddress& address : answer->addresses) out.push_back(address.to_string());
    return out;
  }
  using Texts = std::vector<std::string>;

  asio::io_context io_;
  FakeDnsServer server_{io_};
};

TEST_F(DnsResolverTest, FamiliesOfANameWithBoth) {
  server_.set("both.test", {{"198.51.100.1", "198.51.100.2"}}, {{"2001:db8::1"}});
  EXPECT_EQ(addresses("both.test", DnsLookupFamily::v4_only),
            (Texts{"198.51.100.1", "198.51.100.2"}));
  EXPECT_EQ(addresses("both.test", DnsLookupFamily::v6_only), Texts{"2001:db8::1"});
  EXPECT_EQ(addresses("both.test", DnsLookupFamily::automatic), Texts{"2001:db8::1"});
  EXPECT_EQ(addresses("both.test", DnsLookupFamily::v4_preferred),
            (Texts{"198.51.100.1", "198.51.100.2"}));
  EXPECT_EQ(addresses("both.test", DnsLookupFamily::all),
            (Texts{"2001:db8::1", "198.51.100.1", "198.51.100.2"}));
}

TEST_F(DnsResolverTest, AFamilyIsNotAskedForWithoutNeed) {
  server_.set("both.test", {{"198.51.100.1"}}, {{"2001:db8::1"}});
  addresses("both.test", DnsLookupFamily::v4_only);
  addresses("both.test", DnsLookupFamily::v4_preferred);
  EXPECT_EQ(server_.queries("both.test", FakeDnsServer::kTypeAaaa), 0);
  EXPECT_EQ(server_.queries("both.test", FakeDnsServer::kTypeA), 2);
}

TEST_F(DnsResolverTest, TheOtherFamilyWhenTheFirstHasNothing) {
  server_.set("four.test", {{"198.51.100.4"}}, {});
  server_.set("six.test", {}, {{"2001:db8::6"}});
  server_.set("odd.test", {{"198.51.100.5"}}, {{}, 0, FakeDnsServer::kNxDomain});
  EXPECT_EQ(addresses("four.test", DnsLookupFamily::automatic), Texts{"198.51.100.4"});
  EXPECT_EQ(addresses("six.test", DnsLookupFamily::v4_preferred), Texts{"2001:db8::6"});
  EXPECT_EQ(addresses("odd.test", DnsLookupFamily::automatic), Texts{"198.51.100.5"});
  EXPECT_EQ(addresses("odd.test", DnsLookupFamily::all), Texts{"198.51.100.5"});
}

TEST_F(DnsResolverTest, ANameWithoutAddressesIsNotAFailure) {
  server_.set("empty.test", {}, {});
  for (const auto family :
       {DnsLookupFamily::v4_only, DnsLookupFamily::automatic, DnsLookupFamily::all}) {
    const auto answer = resolve("empty.test", family);
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_TRUE(answer->addresses.empty());
  }
}

TEST_F(DnsResolverTest, FailuresSayWhy) {
  server_.set("broken.test", {{}, 0, FakeDnsServer::kServFail}, {});
  EXPECT_EQ(addresses("absent.test", DnsLookupFamily::automatic),
            Texts{"dns 'absent.test': no such name"});
  const auto broken = resolve("broken.test", DnsLookupFamily::v4_only);
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().message.substr(0, 19), "dns 'broken.test': ");
}

TEST_F(DnsResolverTest, TtlIsTheSmallestSeen) {
  server_.set("ttl.test", {{"198.51.100.1"}, 30}, {{"2001:db8::1"}, 7});
  EXPECT_EQ(resolve("ttl.test", DnsLookupFamily::v4_only)->ttl.count(), 30);
  EXPECT_EQ(resolve("ttl.test", DnsLookupFamily::all)->ttl.count(), 7);
}

TEST_F(DnsResolverTest, LiteralsNeedNoServer) {
  EXPECT_EQ(addresses("203.0.113.7", DnsLookupFamily::v4_only), Texts{"203.0.113.7"});
  EXPECT_EQ(addresses("2001:db8::7", DnsLookupFamily::automatic), Texts{"2001:db8::7"});
}

TEST_F(DnsResolverTest, HostsFileComesFirst) {
  EXPECT_EQ(addresses("localhost", DnsLookupFamily::v4_only), Texts{"127.0.0.1"});
  EXPECT_EQ(server_.queries("localhost", FakeDnsServer::kTypeA), 0);
}

TEST_F(DnsResolverTest, ASilentServerEndsAtTheDeadline) {
  server_.set("silent.test", {{}, 0, FakeDnsServer::kNoError, true}, {});
  DnsResolver resolver(io_, {{server_.endpoint()}, milliseconds(5000), milliseconds(20)});
  std::string message;
  const DnsQuery query =
      resolver.resolve("silent.test", DnsLookupFamily::v4_only,
                       [&](Result<DnsAnswer> r) { message = r.error().message; });
  ASSERT_TRUE(run_until(io_, [&] { return !message.empty(); }));
  EXPECT_EQ(message, "dns 'silent.test': no answer within 20 ms");
}

TEST_F(DnsResolverTest, ADestroyedQueryIsNeverAnswered) {
  server_.set("a.test", {{"198.51.100.1"}}, {});
  DnsResolver resolver(io_, options());
  bool called = false, other = false;
  {
    const DnsQuery query =
        resolver.resolve("a.test", DnsLookupFamily::v4_only, [&](auto) { called = true; });
  }
  DnsQuery replaced =
      resolver.resolve("a.test", DnsLookupFamily::v4_only, [&](auto) { called = true; });
  run_until(io_, [&] { return server_.queries("a.test", FakeDnsServer::kTypeA) > 0; });
  replaced = resolver.resolve("a.test", DnsLookupFamily::v4_only, [&](auto) { other = true; });
  ASSERT_TRUE(run_until(io_, [&] { return other; }));
  EXPECT_FALSE(called);
}

TEST_F(DnsResolverTest, ADestroyedResolverAnswersNothing) {
  server_.set("a.test", {{"198.51.100.1"}}, {});
  auto resolver = std::make_unique<DnsResolver>(io_, options());
  bool called = false;
  const DnsQuery first =
      resolver->resolve("a.test", DnsLookupFamily::v4_only, [&](auto) { called = true; });
  ASSERT_TRUE(
      run_until(io_, [&] { return server_.queries("a.test", FakeDnsServer::kTypeA) == 1; }));
  const DnsQuery second =
      resolver->resolve("203.0.113.1", DnsLookupFamily::all, [&](auto) { called = true; });
  resolver.reset();
  io_.restart();
  io_.poll();
  EXPECT_FALSE(called);
}

TEST_F(DnsResolverTest, AQueryMayEndItselfFromItsCallback) {
  server_.set("a.test", {{"198.51.100.1"}}, {});
  DnsResolver resolver(io_, options());
  DnsQuery query;
  int calls = 0;
  query = resolver.resolve("a.test", DnsLookupFamily::v4_only, [&](auto) {
    query = DnsQuery();
    ++calls;
  });
  ASSERT_TRUE(run_until(io_, [&] { return calls == 1; }));
}

}  // namespace
}  // namespace weir::upstream
