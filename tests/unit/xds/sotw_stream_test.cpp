// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "tests/unit/xds/stream_harness.hpp"

namespace weir::xds {
namespace {

class SotwStreamTest : public ::testing::Test {
 protected:
  StreamHarness at{Protocol::sotw};
};

TEST_F(SotwStreamTest, TheFirstRequestCarriesTheNodeAndTheNextOnesDoNot) {
  at.want(kCds, {"*"});
  at.want(kLds, {"*"});
  EXPECT_EQ(at.open(), (Names{"cds v= n= [] node=me", "lds v= n= []"}));
  EXPECT_EQ(at.answer(sotw(kCds, "1", "a", {"c"})), Names{"cds v=1 n=a []"});
}

TEST_F(SotwStreamTest, TheNodeComesEachTimeWhereNobodySaysOtherwise) {
  StreamOptions options;
  options.node.set_id("me");
  DiscoveryStream stream(options, at, at, [] { return 0; });
  stream.add_type(kCds, 0s);
  stream.subscribe(kCds, {"*"}, at.now);
  stream.on_open();
  for (int i = 0; i < 2; ++i) {
    discovery::DiscoveryRequest request;
    ASSERT_TRUE(request.ParseFromString(stream.next_request(at.now).value_or("\x01")));
    EXPECT_EQ(request.node().id(), "me");
    ASSERT_TRUE(stream.on_message(sotw(kCds, "1", "a", {}).SerializeAsString(), at.now));
  }
}

TEST_F(SotwStreamTest, ARefusedResponseKeepsTheVersionAndTakesTheNonce) {
  at.want(kCds, {"*"});
  at.open();
  at.answer(sotw(kCds, "1", "a", {"c"}));
  at.bad = {{"d", "no such thing"}};
  EXPECT_EQ(at.answer(sotw(kCds, "2", "b", {"c", "d", "e"})),
            Names{"cds v=1 n=b [] NACK 13 'd': field: no such thing"});
  // The good ones are live; the complaint is made once.
  EXPECT_EQ(at.take_applied(), (Names{"cds +c=1", "cds +c=2 +d=2 +e=2"}));
  at.want(kCds, {"x"});
  EXPECT_EQ(at.requests(), Names{"cds v=1 n=b [*,x]"});
  at.bad.clear();
  EXPECT_EQ(at.answer(sotw(kCds, "3", "c", {"c", "d"})), Names{"cds v=3 n=c [*,x]"});
  EXPECT_EQ(at.take_applied(), Names{"cds +c=3 +d=3 -e"});
  EXPECT_EQ(at.take_notes(), (Names{"connected", "cds accepted 1",
                                    "cds rejected 2 'd': field: no such thing", "cds accepted 3"}));
  EXPECT_EQ(at.stream->find(kCds)->version(), "3");
  EXPECT_EQ(at.stream->find(kCds)->counts().attempts, 3u);
  EXPECT_EQ(at.stream->find(kCds)->counts().rejections, 1u);
}

TEST_F(SotwStreamTest, WhatIsMissingIsGoneForClustersAndListenersOnly) {
  at.want(kCds, {"*"});
  at.want(kLds, {"*"});
  at.want(kEds, {"a", "b"});
  at.want(kRds, {"a", "b"});
  at.open();
  for (const auto type : kResourceTypes) {
    at.answer(sotw(type, "1", "1", {"a", "b"}));
    at.answer(sotw(type, "2", "2", {"b"}));
    at.answer(sotw(type, "3", "3", {}));
  }
  EXPECT_EQ(at.take_applied(),
            (Names{"cds +a=1 +b=1", "cds +b=2 -a", "cds -b", "eds +a=1 +b=1", "eds +b=2", "eds",
                   "lds +a=1 +b=1", "lds +b=2 -a", "lds -b", "rds +a=1 +b=1", "rds +b=2", "rds"}));
}

TEST_F(SotwStreamTest, ARemovalIsSeenAcrossStreams) {
  at.want(kLds, {"*"});
  at.open();
  at.answer(sotw(kLds, "1", "1", {"a", "virtual"}));
  at.reconnect();
  at.open();
  at.answer(sotw(kLds, "2", "1", {"a"}));
  EXPECT_EQ(at.take_applied(), (Names{"lds +a=1 +virtual=1", "lds +a=2 -virtual"}));
}

TEST_F(SotwStreamTest, ABadResourceIsNotARemovedOne) {
  at.want(kCds, {"*"});
  at.open();
  at.answer(sotw(kCds, "1", "1", {"a", "b"}));
  at.bad = {{"a", "bad"}};
  at.answer(sotw(kCds, "2", "2", {"a", "b"}));
  at.answer(sotw(kCds, "3", "3", {"a"}));
  EXPECT_EQ(at.take_applied(), (Names{"cds +a=1 +b=1", "cds +a=2 +b=2", "cds +a=3 -b"}));
}

TEST_F(SotwStreamTest, AfterAReconnectTheVersionIsKnownAndTheNonceIsNot) {
  at.want(kCds, {"*"});
  at.want(kEds, {"a"});
  at.open();
  at.answer(sotw(kCds, "7", "x", {"a"}));
  at.answer(sotw(kEds, "8", "y", {"a"}));
  at.bad = {{"a", "bad"}};
  at.answer(sotw(kCds, "9", "z", {"a"}));
  at.reconnect();
  EXPECT_EQ(at.requests(), Names{});
  EXPECT_EQ(at.open(), (Names{"cds v=7 n= [] node=me", "eds v=8 n= [a]"}));
}

TEST_F(SotwStreamTest, AnAnswerThatWasDueWhenTheStreamEndedIsNotGivenToTheNext) {
  at.want(kCds, {"*"});
  at.open();
  at.bad = {{"a", "bad"}};
  ASSERT_TRUE(at.stream->on_message(sotw(kCds, "1", "x", {"a"}).SerializeAsString(), at.now));
  at.reconnect();
  EXPECT_EQ(at.open(), Names{"cds v= n= [] node=me"});
}

TEST_F(SotwStreamTest, ChangesOfInterestGoOutInOne) {
  at.want(kCds, {"*"});
  at.open();
  at.want(kEds, {"b"});
  at.want(kEds, {"a", "c"});
  at.drop(kEds, {"c"});
  EXPECT_EQ(at.requests(), Names{"eds v= n= [a,b]"});
  at.answer(sotw(kEds, "1", "n", {"a", "b"}));
  at.want(kEds, {"a"});  // known already
  at.want(kEds, {"d"});
  at.drop(kEds, {"d"});
  EXPECT_EQ(at.requests(), Names{});
  at.drop(kEds, {"a", "b"});
  EXPECT_EQ(at.requests(), Names{"eds v=1 n=n []"});
}

TEST_F(SotwStreamTest, NothingWantedIsNotAskedFor) {
  EXPECT_EQ(at.open(), Names{});
  at.want(kRds, {"r"});
  at.drop(kRds, {"r"});
  EXPECT_EQ(at.requests(), Names{});
}

TEST_F(SotwStreamTest, WhatNobodyWantsIsNotApplied) {
  at.want(kEds, {"a"});
  at.open();
  EXPECT_EQ(at.answer(sotw(kEds, "1", "1", {"a", "b", "c"})), Names{"eds v=1 n=1 [a]"});
  EXPECT_EQ(at.take_applied(), Names{"eds +a=1"});
}

TEST_F(SotwStreamTest, AResponseOfATypeThatWasNotAskedForIsIgnored) {
  at.want(kCds, {"*"});
  at.open();
  EXPECT_EQ(at.answer(sotw(kRds, "1", "1", {"a"})), Names{});
  auto odd = sotw(kCds, "1", "1", {});
  odd.set_type_url("type.googleapis.com/odd");
  EXPECT_EQ(at.answer(odd), Names{});
  EXPECT_EQ(at.take_applied(), Names{});
  EXPECT_EQ(at.take_notes(), (Names{"connected", "ignored " + std::string(type_url(kRds))}));
}

TEST_F(SotwStreamTest, AForeignTypeInAResponseRefusesAllOfIt) {
  at.want(kCds, {"*"});
  at.open();
  auto response = sotw(kCds, "1", "n", {"a"});
  *response.add_resources() = body(kLds, "b");
  const auto answer = at.answer(response);
  ASSERT_EQ(answer.size(), 1u);
  EXPECT_EQ(answer[0], "cds v= n=n [] NACK 13 '': type '" + std::string(type_url(kLds)) +
                           "' in a response of type '" + std::string(type_url(kCds)) + "'");
  EXPECT_EQ(at.take_applied(), Names{});
}

TEST_F(SotwStreamTest, OfTwoWithOneNameTheFirstCounts) {
  at.want(kCds, {"*"});
  at.open();
  EXPECT_EQ(at.answer(sotw(kCds, "1", "n", {"a", "a", "b"})),
            Names{"cds v= n=n [] NACK 13 'a': more than one of this name"});
  EXPECT_EQ(at.take_applied(), Names{"cds +a=1 +b=1"});
}

TEST_F(SotwStreamTest, ResponsesInOneReadGetOneAnswerEach) {
  at.want(kCds, {"*"});
  at.open();
  EXPECT_EQ(at.answer(sotw(kCds, "1", "1", {"a"})), Names{"cds v=1 n=1 []"});
  EXPECT_EQ(at.answer(sotw(kCds, "1", "2", {"a"})), Names{"cds v=1 n=2 []"});
}

TEST_F(SotwStreamTest, WhileATypeIsPausedItsRequestsMerge) {
  at.want(kCds, {"*"});
  at.want(kEds, {"a"});
  at.open();
  at.stream->pause(kEds);
  at.stream->pause(kEds);
  EXPECT_EQ(at.answer(sotw(kEds, "1", "1", {"a"})), Names{});
  EXPECT_EQ(at.answer(sotw(kEds, "2", "2", {"a"})), Names{});
  at.want(kEds, {"b"});
  at.stream->resume(kEds);
  EXPECT_EQ(at.requests(), Names{});
  at.stream->resume(kEds);
  EXPECT_EQ(at.requests(), Names{"eds v=2 n=2 [a,b]"});
}

TEST_F(SotwStreamTest, AnEmptyResponseIsAnAnswer) {
  at.want(kCds, {"*"});
  at.open();
  EXPECT_EQ(at.answer(sotw(kCds, "0", "1", {})), Names{"cds v=0 n=1 []"});
  EXPECT_EQ(at.take_applied(), Names{"cds"});
}

}  // namespace
}  // namespace weir::xds
