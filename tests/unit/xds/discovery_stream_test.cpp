// SPDX-License-Identifier: Apache-2.0
#include "proxy/xds/discovery_stream.hpp"

#include <gtest/gtest.h>

#include "tests/unit/xds/stream_harness.hpp"

namespace weir::xds {
namespace {

TEST(DiscoveryStreamTest, TypesHaveAnOrderAndNames) {
  StreamHarness at(Protocol::sotw);
  at.want(kRds, {"r"});
  at.want(kLds, {"*"});
  at.want(kEds, {"e"});
  at.want(kCds, {"*"});
  EXPECT_EQ(at.open(),
            (Names{"cds v= n= [] node=me", "eds v= n= [e]", "lds v= n= []", "rds v= n= [r]"}));
  EXPECT_EQ(method_path(std::nullopt, Protocol::delta),
            "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources");
  EXPECT_EQ(method_path(kEds, Protocol::sotw),
            "/envoy.service.endpoint.v3.EndpointDiscoveryService/StreamEndpoints");
  for (const auto type : kResourceTypes) EXPECT_EQ(find_resource_type(type_url(type)), type);
  EXPECT_EQ(find_resource_type(""), std::nullopt);
}

TEST(DiscoveryStreamTest, AllEndpointsOfNewClustersAreAskedForAtOnce) {
  for (const auto protocol : {Protocol::sotw, Protocol::delta}) {
    StreamHarness at(protocol);
    at.want(kCds, {"*"});
    at.open();
    Names early;
    at.on_apply = [&](ResourceType type) {
      if (type != kCds) return;
      for (const char* name : {"a", "b", "c"}) {
        at.want(kEds, {name});
        for (auto& line : at.requests()) early.push_back(line);
      }
    };
    const auto requests = protocol == Protocol::sotw
                              ? at.answer(sotw(kCds, "1", "1", {"a", "b", "c"}))
                              : at.answer(delta(kCds, "1", {"a=1", "b=1", "c=1"}));
    EXPECT_EQ(early, Names{});
    ASSERT_EQ(requests.size(), 2u);
    EXPECT_EQ(requests[1], protocol == Protocol::sotw ? "eds v= n= [a,b,c]" : "eds n= +[a,b,c]");
  }
}

TEST(DiscoveryStreamTest, ListenersHoldRoutesBackAndClustersDoNot) {
  StreamHarness at(Protocol::sotw);
  at.want(kCds, {"*"});
  at.want(kLds, {"*"});
  at.open();
  Names early;
  at.on_apply = [&](ResourceType type) {
    at.want(type == kLds ? kRds : kLds, {std::string(short_name(type))});
    for (auto& line : at.requests()) early.push_back(line);
  };
  EXPECT_EQ(at.answer(sotw(kLds, "1", "1", {})), (Names{"lds v=1 n=1 []", "rds v= n= [lds]"}));
  EXPECT_EQ(early, Names{});
  at.answer(sotw(kCds, "1", "1", {}));
  EXPECT_EQ(early, Names{"lds v=1 n=1 [*,cds]"});
}

TEST(DiscoveryStreamTest, ConnectsWhenSomethingIsWanted) {
  StreamHarness at(Protocol::delta);
  EXPECT_FALSE(at.stream->wants_connection(at.now));
  EXPECT_EQ(at.stream->deadline(), std::nullopt);
  at.want(kCds, {"*"});
  EXPECT_TRUE(at.stream->wants_connection(at.now));
  at.open();
  EXPECT_FALSE(at.stream->wants_connection(at.now));
  EXPECT_TRUE(at.stream->connected());
}

TEST(DiscoveryStreamTest, WaitsLongerAfterEachFailureUntilAStreamLasts) {
  StreamHarness at(Protocol::sotw);
  at.want(kCds, {"*"});
  at.answer(sotw(kCds, "1", "1", {}));
  at.random = 32'000'000 - 1;
  for (const int wait : {99, 199, 399, 799, 799}) {
    at.take_notes();
    at.stream->on_closed("refused", at.now);
    EXPECT_EQ(at.take_notes(), Names{"disconnected refused " + std::to_string(wait)});
    EXPECT_EQ(at.stream->deadline(), at.now + std::chrono::milliseconds(wait));
    at.now += std::chrono::milliseconds(wait - 1);
    at.stream->on_time(at.now);
    EXPECT_FALSE(at.stream->wants_connection(at.now));
    at.now += 1ms;
    at.stream->on_time(at.now);
    EXPECT_TRUE(at.stream->wants_connection(at.now));
  }
  // A stream that opens is no answer yet.
  at.open();
  at.now += 10s;
  at.take_notes();
  at.stream->on_closed("stalls", at.now);
  EXPECT_EQ(at.take_notes(), Names{"disconnected stalls 799"});
  // Nor is one that is over as soon as it was given.
  at.open();
  at.answer(sotw(kCds, "1", "1", {}));
  at.now += 799ms;
  at.take_notes();
  at.stream->on_closed("flaps", at.now);
  EXPECT_EQ(at.take_notes(), Names{"disconnected flaps 799"});
  at.open();
  at.answer(sotw(kCds, "2", "1", {}));
  at.now += 800ms;
  at.take_notes();
  at.stream->on_closed("restarts", at.now);
  EXPECT_EQ(at.take_notes(), Names{"disconnected restarts 99"});
  at.stream->retry_now();
  EXPECT_TRUE(at.stream->wants_connection(at.now));
  EXPECT_EQ(at.stream->find(kCds)->counts().failures, 8u);
  EXPECT_EQ(at.stream->find(kLds)->counts().failures, 0u);
}

TEST(DiscoveryStreamTest, AStreamThatIsLostTakesNoConfigurationWithIt) {
  StreamHarness at(Protocol::delta);
  at.want(kCds, {"*"});
  for (int i = 0; i < 100; ++i) {
    at.open();
    if (i == 0) at.answer(delta(kCds, "1", {"a=1"}));
    at.reconnect();
  }
  EXPECT_EQ(at.take_applied(), Names{"cds +a=1"});
  EXPECT_EQ(at.open(), Names{"cds n= a=1 node=me"});
}

TEST(DiscoveryStreamTest, RequestsKeepToTheRate) {
  StreamOptions options;
  options.rate_limit = RateLimit{2, 10};
  StreamHarness at(Protocol::delta, options);
  at.want(kCds, {"*"});
  at.want(kEds, {"e"});
  at.want(kLds, {"*"});
  EXPECT_EQ(at.open(), (Names{"cds n= node=me", "eds n= +[e]"}));
  EXPECT_EQ(at.stream->deadline(), at.now + 100ms);
  EXPECT_EQ(at.answer(delta(kCds, "1", {})), Names{});
  at.now += 100ms;
  EXPECT_EQ(at.requests(), Names{"cds n=1"});
  at.now += 100ms;
  EXPECT_EQ(at.requests(), Names{"lds n="});
  EXPECT_EQ(at.requests(), Names{});
  EXPECT_EQ(at.stream->deadline(), TimePoint(1h) + 15s);
}

TEST(DiscoveryStreamTest, APeerThatFloodsIsHeldBack) {
  for (const auto protocol : {Protocol::sotw, Protocol::delta}) {
    StreamOptions options;
    options.rate_limit = RateLimit{1, 0.1};
    StreamHarness at(protocol, options);
    at.want(kCds, {"*"});
    at.open();
    std::size_t taken = 0;
    for (; at.stream->takes_messages() && taken < 1000; ++taken) {
      if (protocol == Protocol::sotw)
        at.answer(sotw(kCds, "1", "n", {"a"}));
      else
        at.answer(delta(kCds, "n", {"a=1"}));
    }
    EXPECT_EQ(taken, DiscoveryStream::kMostUnanswered);
    at.now += 10s;
    EXPECT_EQ(at.requests().size(), 1u);
    EXPECT_TRUE(at.stream->takes_messages());
  }
}

TEST(DiscoveryStreamTest, WhatIsRefusedAgainAndAgainIsAnsweredEverLater) {
  StreamHarness at(Protocol::sotw);
  at.want(kCds, {"*"});
  at.open();
  at.bad = {{"a", "bad"}};
  const Names nack{"cds v= n=n [] NACK 13 'a': field: bad"};
  EXPECT_EQ(at.answer(sotw(kCds, "1", "n", {"a"})), nack);
  for (const int wait : {100, 200, 400, 800, 1600, 2000, 2000}) {
    EXPECT_EQ(at.answer(sotw(kCds, "1", "n", {"a"})), Names{});
    at.now += std::chrono::milliseconds(wait - 1);
    EXPECT_EQ(at.requests(), Names{}) << wait;
    EXPECT_EQ(at.stream->deadline(), at.now + 1ms);
    at.now += 1ms;
    EXPECT_EQ(at.requests(), nack);
  }
  // What is new goes out at once: another version, a change of interest, another stream.
  EXPECT_EQ(at.answer(sotw(kCds, "2", "n", {"a"})), nack);
  EXPECT_EQ(at.answer(sotw(kCds, "2", "n", {"a"})), Names{});
  at.want(kCds, {"b"});
  EXPECT_EQ(at.requests(), Names{"cds v= n=n [*,b] NACK 13 'a': field: bad"});
  EXPECT_EQ(at.requests(), Names{});
  at.answer(sotw(kCds, "2", "n", {"a"}));
  at.stream->on_closed("gone", at.now);
  EXPECT_EQ(at.open(), Names{"cds v= n= [*,b] node=me"});
  at.bad.clear();
  EXPECT_EQ(at.answer(sotw(kCds, "2", "n", {"a"})), Names{"cds v=2 n=n [*,b]"});
}

TEST(DiscoveryStreamTest, NobodyWaitsLongerThanTheFetchTimeout) {
  StreamHarness at(Protocol::sotw);
  at.want(kCds, {"*"});
  at.want(kEds, {"a", "b"});
  at.want(kRds, {"r"});
  at.stream->on_closed("no control plane", at.now);  // the clock runs without a connection, too
  at.now += 5s;
  at.stream->on_time(at.now);
  at.open();
  at.bad = {{"b", "bad"}};
  at.answer(sotw(kEds, "1", "1", {"b"}));  // bad, but an answer
  at.take_notes();
  at.now += 10s - 1ms;
  at.stream->on_time(at.now);
  EXPECT_EQ(at.take_notes(), Names{});
  EXPECT_EQ(at.stream->deadline(), at.now + 1ms);
  at.now += 1ms;
  at.stream->on_time(at.now);
  EXPECT_EQ(at.take_notes(), (Names{"timeout cds ", "timeout eds a", "timeout rds r"}));
  at.now += 1h;
  at.stream->on_time(at.now);
  EXPECT_EQ(at.take_notes(), Names{});
  EXPECT_EQ(at.stream->find(kEds)->counts().fetch_timeouts, 1u);
  at.answer(sotw(kEds, "2", "2", {"a"}));  // late is better than never
  EXPECT_EQ(at.take_applied().back(), "eds +a=2");
}

TEST(DiscoveryStreamTest, WhatIsNoMessageEndsTheStream) {
  for (const auto protocol : {Protocol::sotw, Protocol::delta}) {
    StreamHarness at(protocol);
    at.want(kCds, {"*"});
    at.open();
    EXPECT_FALSE(at.stream->on_message("\xff\xff", at.now));
    // Half of one, which may look like a whole one, never half a resource.
    const auto whole = protocol == Protocol::sotw
                           ? sotw(kCds, "1", "1", {"abc"}).SerializeAsString()
                           : delta(kCds, "1", {"abc=1"}).SerializeAsString();
    for (std::size_t size = 1; size < whole.size(); ++size)
      static_cast<void>(at.stream->on_message(whole.substr(0, size), at.now));
    for (const auto& line : at.take_applied())
      EXPECT_TRUE(line == "cds" || line == "cds +abc=1") << line;
  }
}

TEST(DiscoveryStreamTest, FiftyMegabytesAreTaken) {
  StreamHarness at(Protocol::delta);
  at.want(kCds, {"*"});
  at.open();
  discovery::DeltaDiscoveryResponse response = delta(kCds, "1", {"big=1"});
  response.mutable_resources(0)->mutable_resource()->mutable_value()->append(
      std::string("\x12\x80\x80\x80\x19", 5) + std::string(50 << 20, 'x'));
  EXPECT_EQ(at.answer(response), Names{"cds n=1"});
  EXPECT_EQ(at.take_applied(), Names{"cds +big=1"});
}

TEST(DiscoveryStreamTest, OneTypeOfManyFollowsOneChange) {
  StreamHarness at(Protocol::delta);
  Names names;
  for (int i = 0; i < 10000; ++i) names.push_back("cluster-" + std::to_string(i));
  at.want(kEds, names);
  EXPECT_EQ(at.open().size(), 1u);
  EXPECT_EQ(at.answer(delta(kEds, "1", {"cluster-77=1"})), Names{"eds n=1"});
}

}  // namespace
}  // namespace weir::xds
