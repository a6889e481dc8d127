// SPDX-License-Identifier: Apache-2.0
// The protocol without a socket: who is sent what, when, and what is known of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/hub.hpp"
#include "envoy/config/cluster/v3/cluster.pb.h"
#include "envoy/service/discovery/v3/discovery.pb.h"

namespace weir::control {
namespace {

using envoy::service::discovery::v3::DeltaDiscoveryRequest;
using envoy::service::discovery::v3::DeltaDiscoveryResponse;
using envoy::service::discovery::v3::DiscoveryRequest;
using envoy::service::discovery::v3::DiscoveryResponse;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr auto kCds = ResourceType::cluster;
constexpr auto kEds = ResourceType::endpoint;

/// "a1": resource a with content that differs from that of "a2".
std::shared_ptr<ResourceSet> set_of(const std::vector<std::string>& clusters,
                                    const std::vector<std::string>& endpoints = {}) {
  auto set = std::make_shared<ResourceSet>();
  envoy::config::cluster::v3::Cluster message;
  for (const auto& [type, texts] : {std::pair(kCds, clusters), std::pair(kEds, endpoints)})
    for (const std::string& text : texts) {
      message.set_name(text);
      set->add(type, text.substr(0, 1), message);
    }
  return set;
}

DiscoveryRequest ask(ResourceType type, const std::vector<std::string>& names = {}) {
  DiscoveryRequest request;
  request.mutable_node()->set_id("one");
  request.set_type_url(std::string(type_url(type)));
  for (const std::string& name : names) request.add_resource_names(name);
  return request;
}

DiscoveryRequest ack(const DiscoveryResponse& response,
                     const std::vector<std::string>& names = {}) {
  DiscoveryRequest request;
  request.set_type_url(response.type_url());
  request.set_response_nonce(response.nonce());
  request.set_version_info(response.version_info());
  for (const std::string& name : names) request.add_resource_names(name);
  return request;
}

class Sotw : public ::testing::Test {
 protected:
  std::vector<DiscoveryResponse> say(const DiscoveryRequest& request) {
    auto messages = session->on_request(request.SerializeAsString(), set);
    EXPECT_TRUE(messages);
    return read(*messages);
  }
  std::vector<DiscoveryResponse> change(std::shared_ptr<ResourceSet> now) {
    set = std::move(now);
    return read(session->on_update(set));
  }
  static std::vector<DiscoveryResponse> read(const Messages& messages) {
    std::vector<DiscoveryResponse> out(messages.size());
    for (std::size_t i = 0; i < messages.size(); ++i)
      EXPECT_TRUE(out[i].ParseFromString(messages[i]));
    return out;
  }
  static std::vector<std::string> contents(const DiscoveryResponse& response) {
    std::vector<std::string> out;
    for (const auto& any : response.resources()) {
      envoy::config::cluster::v3::Cluster message;
      EXPECT_EQ(any.type_url(), response.type_url());
      EXPECT_TRUE(message.ParseFromString(any.value()));
      out.push_back(message.name());
    }
    return out;
  }
  std::string_view state(ResourceType type) { return to_string(session->status(type).state()); }

  std::shared_ptr<ResourceSet> set = set_of({"a1", "b1"}, {"a1", "b1"});
  std::unique_ptr<Session> session = make_sotw_session({});
};

TEST_F(Sotw, AnAckIsNotAnswered) {
  EXPECT_EQ(state(kCds), "-");
  const auto first = say(ask(kCds));
  ASSERT_THAT(first, SizeIs(1));
  EXPECT_THAT(contents(first[0]), ElementsAre("a1", "b1"));
  EXPECT_EQ(state(kCds), "STALE");
  EXPECT_THAT(say(ack(first[0])), IsEmpty());
  EXPECT_EQ(state(kCds), "SYNCED");
  EXPECT_EQ(state(kEds), "-");
}

TEST_F(Sotw, ANackIsKeptAndNotAnsweredUntilSomethingChanges) {
  const auto first = say(ask(kCds));
  DiscoveryRequest nack = ack(first[0]);
  nack.clear_version_info();
  nack.mutable_error_detail()->set_message("no such enum");
  EXPECT_THAT(say(nack), IsEmpty());
  EXPECT_EQ(state(kCds), "STALE");
  EXPECT_EQ(session->status(kCds).error, "no such enum");
  const auto second = change(set_of({"a2", "b1"}));
  ASSERT_THAT(second, SizeIs(1));
  say(ack(second[0]));
  EXPECT_EQ(state(kCds), "SYNCED");
  EXPECT_EQ(session->status(kCds).error, "");
}

TEST_F(Sotw, NothingIsSentWhenNothingChanged) {
  say(ask(kCds));
  EXPECT_THAT(change(set_of({"a1", "b1"})), IsEmpty());
  EXPECT_THAT(change(set_of({"a1", "b1"}, {"c1"})), IsEmpty());  // of a type nobody asked for
}

TEST_F(Sotw, OnlyNamedResourcesAreSent) {
  const auto first = say(ask(kEds, {"b"}));
  EXPECT_THAT(contents(first[0]), ElementsAre("b1"));
  say(ack(first[0], {"b"}));
  EXPECT_THAT(change(set_of({}, {"a2", "b1"})), IsEmpty());
  const auto second = change(set_of({}, {"a2", "b2"}));
  ASSERT_THAT(second, SizeIs(1));
  EXPECT_THAT(contents(second[0]), ElementsAre("b2"));
}

TEST_F(Sotw, MoreNamesAreAnsweredFewerAreNot) {
  const auto first = say(ask(kEds, {"b"}));
  const auto second = say(ack(first[0], {"a", "b"}));
  ASSERT_THAT(second, SizeIs(1));
  EXPECT_THAT(contents(second[0]), ElementsAre("a1", "b1"));
  EXPECT_THAT(say(ack(second[0], {"a"})), IsEmpty());
  EXPECT_THAT(change(set_of({}, {"a1", "b2"})), IsEmpty());
}

TEST_F(Sotw, NoNamesOfATypeWithoutWildcardEndTheSubscription) {
  const auto first = say(ask(kEds, {"b"}));
  EXPECT_THAT(say(ack(first[0])), IsEmpty());
  EXPECT_EQ(state(kEds), "-");
  EXPECT_THAT(change(set_of({}, {"b2"})), IsEmpty());
}

TEST_F(Sotw, AWarmingClusterGetsItsEndpointsAgain) {
  const auto first = say(ask(kEds, {"b"}));
  EXPECT_THAT(say(ack(first[0], {"b"})), IsEmpty());
  const auto again = say(ack(first[0], {"b"}));
  ASSERT_THAT(again, SizeIs(1));
  EXPECT_EQ(again[0].version_info(), first[0].version_info());
  EXPECT_THAT(say(ack(again[0], {"b"})), IsEmpty());
}

TEST_F(Sotw, AStaleNonceIsIgnored) {
  const auto first = say(ask(kEds, {"b"}));
  const auto second = change(set_of({}, {"b2"}));
  ASSERT_THAT(second, SizeIs(1));
  EXPECT_THAT(say(ack(first[0], {"a", "b"})), IsEmpty());
  EXPECT_EQ(state(kEds), "STALE");
  EXPECT_THAT(say(ack(second[0], {"b"})), IsEmpty());
  EXPECT_EQ(state(kEds), "SYNCED");
}

TEST_F(Sotw, ClustersGoAfterWhatNamesThem) {
  say(ask(kCds));
  say(ask(kEds, {"a"}));
  const auto all = change(set_of({"b1", "c1"}, {"a2"}));
  ASSERT_THAT(all, SizeIs(3));
  EXPECT_THAT(contents(all[0]), ElementsAre("a1", "b1", "c1"));
  EXPECT_EQ(all[1].type_url(), type_url(kEds));
  EXPECT_THAT(contents(all[2]), ElementsAre("b1", "c1"));
}

TEST_F(Sotw, AfterAReconnectTheFirstRequestIsAnswered) {
  DiscoveryRequest request = ask(kCds);
  request.set_version_info("of another life");
  request.set_response_nonce("7");
  EXPECT_THAT(say(request), SizeIs(1));
}

TEST_F(Sotw, AnUnknownTypeIsNotAnsweredAndAWrongOneEndsTheStream) {
  DiscoveryRequest request;
  request.set_type_url("type.googleapis.com/envoy.service.runtime.v3.Runtime");
  EXPECT_THAT(say(request), IsEmpty());
  request.clear_type_url();
  EXPECT_FALSE(session->on_request(request.SerializeAsString(), set));
  EXPECT_FALSE(session->on_request("\xff", set));
  session = make_sotw_session(kCds);
  EXPECT_THAT(say(request), SizeIs(1));
  EXPECT_FALSE(session->on_request(ask(kEds).SerializeAsString(), set));
}

class Delta : public ::testing::Test {
 protected:
  std::vector<DeltaDiscoveryResponse> say(const DeltaDiscoveryRequest& request) {
    auto messages = session->on_request(request.SerializeAsString(), set);
    EXPECT_TRUE(messages);
    return read(*messages);
  }
  std::vector<DeltaDiscoveryResponse> change(std::shared_ptr<ResourceSet> now) {
    set = std::move(now);
    return read(session->on_update(set));
  }
  static std::vector<DeltaDiscoveryResponse> read(const Messages& messages) {
    std::vector<DeltaDiscoveryResponse> out(messages.size());
    for (std::size_t i = 0; i < messages.size(); ++i)
      EXPECT_TRUE(out[i].ParseFromString(messages[i]));
    return out;
  }
  static DeltaDiscoveryRequest subscribe(ResourceType type,
                                         const std::vector<std::string>& names = {}) {
    DeltaDiscoveryRequest request;
    request.set_type_url(std::string(type_url(type)));
    for (const std::string& name : names) request.add_resource_names_subscribe(name);
    return request;
  }
  static DeltaDiscoveryRequest ack(const DeltaDiscoveryResponse& response) {
    DeltaDiscoveryRequest request;
    request.set_type_url(response.type_url());
    request.set_response_nonce(response.nonce());
    return request;
  }
  static std::vector<std::string> names(const DeltaDiscoveryResponse& response) {
    std::vector<std::string> out;
    for (const auto& resource : response.resources()) {
      EXPECT_EQ(resource.resource().type_url(), response.type_url());
      out.push_back(resource.name());
    }
    return out;
  }
  static std::vector<std::string> removed(const DeltaDiscoveryResponse& response) {
    return {response.removed_resources().begin(), response.removed_resources().end()};
  }

  std::shared_ptr<ResourceSet> set = set_of({"a1", "b1"}, {"a1", "b1"});
  std::unique_ptr<Session> session = make_delta_session({});
};

TEST_F(Delta, OnlyWhatChangedIsSent) {
  const auto first = say(subscribe(kCds));
  ASSERT_THAT(first, SizeIs(1));
  EXPECT_THAT(names(first[0]), ElementsAre("a", "b"));
  EXPECT_THAT(say(ack(first[0])), IsEmpty());
  EXPECT_EQ(session->status(kCds).state(), SyncState::synced);
  EXPECT_THAT(change(set_of({"a1", "b1"})), IsEmpty());
  const auto second = change(set_of({"a1", "b2", "c1"}));
  ASSERT_THAT(second, SizeIs(1));
  EXPECT_THAT(names(second[0]), ElementsAre("b", "c"));
  EXPECT_THAT(removed(second[0]), IsEmpty());
}

TEST_F(Delta, RemovedClustersGoLast) {
  say(subscribe(kCds));
  say(subscribe(kEds, {"a", "b"}));
  const auto all = change(set_of({"b2"}, {"b2"}));
  ASSERT_THAT(all, SizeIs(3));
  EXPECT_THAT(names(all[0]), ElementsAre("b"));
  EXPECT_THAT(removed(all[0]), IsEmpty());
  EXPECT_THAT(names(all[1]), ElementsAre("b"));
  EXPECT_THAT(removed(all[1]), ElementsAre("a"));
  EXPECT_THAT(names(all[2]), IsEmpty());
  EXPECT_THAT(removed(all[2]), ElementsAre("a"));
}

TEST_F(Delta, AReconnectedClientGetsWhatItLacks) {
  DeltaDiscoveryRequest request = subscribe(kCds);
  (*request.mutable_initial_resource_versions())["a"] = set->of(kCds).at("a")->version;
  (*request.mutable_initial_resource_versions())["b"] = "old";
  (*request.mutable_initial_resource_versions())["z"] = "gone";
  const auto first = say(request);
  ASSERT_THAT(first, SizeIs(1));
  EXPECT_THAT(names(first[0]), ElementsAre("b"));
  EXPECT_THAT(removed(first[0]), ElementsAre("z"));
}

TEST_F(Delta, WhoAsksAgainIsAnsweredAgain) {
  const auto first = say(subscribe(kEds, {"a"}));
  say(ack(first[0]));
  const auto again = say(subscribe(kEds, {"a"}));
  ASSERT_THAT(again, SizeIs(1));
  EXPECT_THAT(names(again[0]), ElementsAre("a"));
}

TEST_F(Delta, WhatIsNotThereIsToldAndComesLater) {
  const auto first = say(subscribe(kEds, {"c"}));
  ASSERT_THAT(first, SizeIs(1));
  EXPECT_THAT(removed(first[0]), ElementsAre("c"));
  const auto second = change(set_of({}, {"c1"}));
  ASSERT_THAT(second, SizeIs(1));
  EXPECT_THAT(names(second[0]), ElementsAre("c"));
}

TEST_F(Delta, UnsubscribedNamesAreSilent) {
  say(subscribe(kEds, {"a", "b"}));
  DeltaDiscoveryRequest request = subscribe(kEds);
  request.add_resource_names_unsubscribe("a");
  EXPECT_THAT(say(request), IsEmpty());
  EXPECT_THAT(change(set_of({}, {"a2", "b1"})), IsEmpty());
}

TEST_F(Delta, AChangedClusterGetsItsEndpointsAgain) {
  say(subscribe(kCds));
  say(subscribe(kEds, {"a", "b"}));
  const auto all = change(set_of({"a2", "b1"}, {"a1", "b1"}));
  ASSERT_THAT(all, SizeIs(2));
  EXPECT_THAT(names(all[0]), ElementsAre("a"));
  EXPECT_EQ(all[1].type_url(), type_url(kEds));
  EXPECT_THAT(names(all[1]), ElementsAre("a"));
  EXPECT_THAT(change(set_of({"a2", "b1"}, {"a1", "b1"})), IsEmpty());
  const auto gone = change(set_of({"a3", "b1"}, {"b1"}));
  ASSERT_THAT(gone, SizeIs(2));
  EXPECT_THAT(removed(gone[1]), ElementsAre("a"));
}

TEST_F(Delta, ANackIsKept) {
  const auto first = say(subscribe(kCds));
  DeltaDiscoveryRequest nack = ack(first[0]);
  nack.mutable_error_detail()->set_message("bad");
  EXPECT_THAT(say(nack), IsEmpty());
  EXPECT_EQ(session->status(kCds).error, "bad");
  EXPECT_EQ(session->status(kCds).state(), SyncState::stale);
}

TEST(Methods, AreKnownByPath) {
  const auto clusters =
      method_from_path("/envoy.service.cluster.v3.ClusterDiscoveryService/StreamClusters");
  ASSERT_TRUE(clusters);
  EXPECT_EQ(clusters->form, Form::sotw);
  EXPECT_EQ(clusters->only, kCds);
  const auto aggregated = method_from_path(
      "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources");
  ASSERT_TRUE(aggregated);
  EXPECT_EQ(aggregated->form, Form::delta);
  EXPECT_EQ(aggregated->only, std::nullopt);
  for (const ResourceType type : kResourceTypes) {
    const auto fetch = method_from_path(fetch_path(type));
    ASSERT_TRUE(fetch);
    EXPECT_EQ(fetch->only, type);
  }
  EXPECT_FALSE(method_from_path("/envoy.service.cluster.v3.ClusterDiscoveryService/Clusters"));
  EXPECT_FALSE(method_from_path("/grpc.health.v1.Health/Check"));
}

TEST(Hub, ShowsEachNodeOnce) {
  Hub hub;
  hub.open(1, {Form::sotw, kCds}, "ipv4:203.0.113.1:1");
  hub.open(2, {Form::sotw, kEds}, "ipv4:203.0.113.1:2");
  EXPECT_EQ(render_status(hub.nodes()), "NAME  CDS  EDS  LDS  RDS  PEER\n");
  const auto first = hub.receive(1, ask(kCds).SerializeAsString());
  ASSERT_TRUE(first);
  ASSERT_THAT(*first, SizeIs(1));
  DiscoveryResponse response;
  ASSERT_TRUE(response.ParseFromString((*first)[0]));
  DiscoveryRequest nack = ack(response);
  nack.mutable_error_detail()->set_message("bad\n\x1b[1mcluster");
  ASSERT_TRUE(hub.receive(2, ask(kEds, {"a"}).SerializeAsString()));
  ASSERT_TRUE(hub.receive(1, nack.SerializeAsString()));
  EXPECT_EQ(render_status(hub.nodes()),
            "NAME  CDS    EDS    LDS  RDS  PEER\n"
            "one   STALE  STALE  -    -    ipv4:203.0.113.1:2\n"
            "one refused CDS version " +
                response.version_info() + ": bad  [1mcluster\n");
  ASSERT_TRUE(hub.receive(1, ack(response).SerializeAsString()));
  EXPECT_THAT(render_status(hub.nodes()), ::testing::HasSubstr("one   SYNCED"));
  hub.close(1);
  hub.close(2);
  EXPECT_EQ(hub.nodes().size(), 0u);
}

}  // namespace
}  // namespace weir::control
