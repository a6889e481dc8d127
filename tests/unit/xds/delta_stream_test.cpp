// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "tests/unit/xds/stream_harness.hpp"

namespace weir::xds {
namespace {

class DeltaStreamTest : public ::testing::Test {
 protected:
  StreamHarness at{Protocol::delta};
};

TEST_F(DeltaStreamTest, AllOfATypeIsAskedForWithEmptyLists) {
  at.want(kCds, {"*"});
  at.want(kLds, {"*", "extra"});
  EXPECT_EQ(at.open(), (Names{"cds n= node=me", "lds n= +[*,extra]"}));
  EXPECT_EQ(at.answer(delta(kCds, "1", {"a=1"})), Names{"cds n=1"});
}

TEST_F(DeltaStreamTest, OnlyChangesAreTold) {
  at.want(kEds, {"a", "b"});
  EXPECT_EQ(at.open(), Names{"eds n= +[a,b] node=me"});
  at.want(kEds, {"c", "d"});
  at.drop(kEds, {"a", "d"});
  EXPECT_EQ(at.requests(), Names{"eds n= +[c] -[a]"});
  at.drop(kEds, {"b"});
  at.want(kEds, {"b"});  // the control plane sends it again
  EXPECT_EQ(at.requests(), Names{"eds n= +[b]"});
  at.drop(kEds, {"b"});
  at.want(kEds, {"b"});
  at.drop(kEds, {"b"});
  EXPECT_EQ(at.requests(), Names{"eds n= -[b]"});
  EXPECT_EQ(at.requests(), Names{});
}

TEST_F(DeltaStreamTest, TheWildcardComesAndGoes) {
  at.want(kCds, {"a"});
  EXPECT_EQ(at.open(), Names{"cds n= +[a] node=me"});
  at.want(kCds, {"*"});
  EXPECT_EQ(at.requests(), Names{"cds n= +[*]"});
  at.answer(delta(kCds, "1", {"a=1", "b=1"}));
  at.drop(kCds, {"*"});
  EXPECT_EQ(at.requests(), Names{"cds n= -[*]"});
  at.reconnect();
  EXPECT_EQ(at.open(), Names{"cds n= +[a] a=1 node=me"});
}

TEST_F(DeltaStreamTest, ChangesOfInterestDoNotTravelWithAnAnswer) {
  at.want(kCds, {"*"});
  at.want(kEds, {"a"});
  at.open();
  at.on_apply = [&](ResourceType) { at.want(kEds, {"b"}); };
  EXPECT_EQ(at.answer(delta(kEds, "7", {"a=1"})), (Names{"eds n=7", "eds n= +[b]"}));
}

TEST_F(DeltaStreamTest, ARefusedResourceIsNamedAndItsOldVersionStays) {
  at.want(kCds, {"*"});
  at.open();
  at.answer(delta(kCds, "1", {"a=1", "b=1"}));
  at.bad = {{"a", "bad"}, {"c", "worse"}};
  EXPECT_EQ(at.answer(delta(kCds, "2", {"a=2", "b=2", "c=2"})),
            Names{"cds n=2 NACK 13 'a': field: bad; 'c': field: worse"});
  EXPECT_EQ(at.take_applied().back(), "cds +a=2 +b=2 +c=2");
  at.reconnect();
  EXPECT_EQ(at.open(), Names{"cds n= a=1 b=2 node=me"});
}

TEST_F(DeltaStreamTest, RemovedResourcesAreForgotten) {
  at.want(kCds, {"*"});
  at.want(kEds, {"e"});
  at.open();
  at.answer(delta(kCds, "1", {"a=1", "b=1"}));
  EXPECT_EQ(at.answer(delta(kCds, "2", {"c=1"}, {"a", "never-there"})), Names{"cds n=2"});
  EXPECT_EQ(at.take_applied().back(), "cds +c=1 -a -never-there");
  // Nobody wanted the first; that the second does not exist is an answer about it.
  at.answer(delta(kEds, "3", {}, {"other", "e"}));
  EXPECT_EQ(at.take_applied().back(), "eds -e");
  at.now += 20s;
  at.stream->on_time(at.now);
  EXPECT_EQ(at.take_notes().back(), "eds accepted ");
  at.reconnect();
  EXPECT_EQ(at.open(), (Names{"cds n= b=1 c=1 node=me", "eds n= +[e]"}));
}

TEST_F(DeltaStreamTest, WhatIsNotWantedAnyMoreHasNoVersion) {
  at.want(kEds, {"a", "b"});
  at.open();
  at.answer(delta(kEds, "1", {"a=1", "b=1", "foreign=1"}));
  EXPECT_EQ(at.take_applied(), Names{"eds +a=1 +b=1"});
  at.drop(kEds, {"a"});
  at.reconnect();
  EXPECT_EQ(at.open(), Names{"eds n= +[b] b=1 node=me"});
}

TEST_F(DeltaStreamTest, WhatIsGivenUpWhileItIsAppliedHasNoVersion) {
  at.want(kEds, {"a"});
  at.open();
  at.on_apply = [&](ResourceType) { at.drop(kEds, {"a"}); };
  EXPECT_EQ(at.answer(delta(kEds, "1", {"a=1"})), (Names{"eds n=1", "eds n= -[a]"}));
  at.on_apply = nullptr;
  at.want(kEds, {"a"});
  at.reconnect();
  EXPECT_EQ(at.open(), Names{"eds n= +[a] node=me"});
}

TEST_F(DeltaStreamTest, EveryResponseIsAnsweredEvenLate) {
  at.want(kEds, {"a"});
  at.open();
  at.stream->pause(kEds);
  at.answer(delta(kEds, "1", {"a=1"}));
  at.bad = {{"a", "bad"}};
  at.answer(delta(kEds, "2", {"a=2"}));
  at.bad.clear();
  at.answer(delta(kEds, "3", {"a=3"}));
  at.want(kEds, {"b"});
  at.stream->resume(kEds);
  EXPECT_EQ(at.requests(),
            (Names{"eds n=1", "eds n=2 NACK 13 'a': field: bad", "eds n=3", "eds n= +[b]"}));
}

TEST_F(DeltaStreamTest, AnAnswerThatWasDueWhenTheStreamEndedIsNotGivenToTheNext) {
  at.want(kCds, {"*"});
  at.open();
  ASSERT_TRUE(at.stream->on_message(delta(kCds, "1", {"a=1"}).SerializeAsString(), at.now));
  at.reconnect();
  EXPECT_EQ(at.open(), Names{"cds n= a=1 node=me"});
  EXPECT_EQ(at.requests(), Names{});
}

TEST_F(DeltaStreamTest, AControlPlaneThatContradictsItself) {
  at.want(kCds, {"*"});
  at.open();
  EXPECT_EQ(at.answer(delta(kCds, "1", {"a=1", "a=2", "b=1"}, {"b"})),
            Names{"cds n=1 NACK 13 'a': more than one of this name; 'b': both added and removed"});
  EXPECT_EQ(at.take_applied(), Names{"cds +a=1 +b=1"});
  auto response = delta(kCds, "2", {"a=3"});
  *response.mutable_resources(0)->mutable_resource() = body(kLds, "a");
  EXPECT_EQ(at.answer(response)[0].substr(0, 26), "cds n=2 NACK 13 'a': type ");
  response = delta(kCds, "3", {"=1"});
  EXPECT_EQ(at.answer(response), Names{"cds n=3 NACK 13 '': it has no name"});
}

TEST_F(DeltaStreamTest, AResourceWithoutABodyIsStillGood) {
  at.want(kEds, {"a"});
  at.open();
  auto response = delta(kEds, "1", {"a=1"});
  response.mutable_resources(0)->clear_resource();
  EXPECT_EQ(at.answer(response), Names{"eds n=1"});
  EXPECT_EQ(at.take_applied(), Names{"eds"});
  at.now += 20s;
  at.stream->on_time(at.now);
  EXPECT_EQ(at.take_notes().back(), "eds accepted ");
}

}  // namespace
}  // namespace weir::xds
