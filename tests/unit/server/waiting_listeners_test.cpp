// SPDX-License-Identifier: Apache-2.0
#include "proxy/server/waiting_listeners.hpp"

#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::server {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::shared_ptr<const config::ListenerConfig> at(const std::string& name,
                                                 std::vector<std::uint16_t> ports) {
  auto made = std::make_shared<config::ListenerConfig>();
  made->name = name;
  for (const std::uint16_t port : ports) {
    made->addresses.emplace_back();
    made->addresses.back().address.endpoint.port = port;
  }
  return made;
}

/// Names and first ports.
std::vector<std::string> ready(const Listeners& wanted, const Listeners& in_force,
                               const std::set<std::string>& waiting) {
  std::vector<std::string> texts;
  for (const auto& listener : without_waiting(
           wanted, in_force,
           [&](const config::ListenerConfig& config) { return waiting.contains(config.name); }))
    texts.push_back(listener->name + ":" +
                    std::to_string(listener->addresses[0].address.endpoint.port));
  return texts;
}

TEST(WaitingListeners, WhoDoesNotWaitGoesOn) {
  const auto same = at("same", {1});
  EXPECT_THAT(ready({same, at("changed", {3}), at("new", {4})}, {same, at("changed", {2})}, {}),
              ElementsAre("same:1", "changed:3", "new:4"));
  EXPECT_THAT(ready({same, at("changed", {3}), at("new", {4})},
                    {same, at("changed", {2}), at("gone", {9})}, {"changed"}),
              ElementsAre("same:1", "changed:2", "new:4"));
}

TEST(WaitingListeners, ANewOneThatWaitsIsNotThere) {
  EXPECT_THAT(ready({at("new", {1})}, {}, {"new"}), IsEmpty());
}

TEST(WaitingListeners, WhatIsInForceDoesNotWait) {
  const auto same = at("same", {1});
  EXPECT_THAT(ready({same}, {same}, {"same"}), ElementsAre("same:1"));
}

TEST(WaitingListeners, AnAddressIsServedUntilItsNextOwnerIsReady) {
  EXPECT_THAT(ready({at("new", {1})}, {at("old", {1}), at("gone", {2})}, {"new"}),
              ElementsAre("old:1"));
  EXPECT_THAT(ready({at("new", {1}), at("moved", {3})}, {at("moved", {1})}, {"new"}),
              ElementsAre("moved:1"))
      << "its next version waits as well";
}

TEST(WaitingListeners, WhoWantsAnotherAddressOfWhoStaysWaits) {
  EXPECT_THAT(
      ready({at("one", {1}), at("two", {2}), at("three", {3})}, {at("old", {1, 2})}, {"one"}),
      ElementsAre("three:3", "old:1"));
  // And so on: who moves to 2 must keep 5, which nobody else gets then.
  EXPECT_THAT(ready({at("one", {1}), at("two", {2}), at("next", {5})},
                    {at("old", {1, 2}), at("two", {5})}, {"one"}),
              ElementsAre("two:5", "old:1"));
}

}  // namespace
}  // namespace weir::server
