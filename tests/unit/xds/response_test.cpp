// SPDX-License-Identifier: Apache-2.0
#include "proxy/xds/response.hpp"

#include <gtest/gtest.h>

#include "tests/unit/xds/stream_harness.hpp"

namespace weir::xds {
namespace {

Response decode(const google::protobuf::MessageLite& message, Protocol protocol) {
  auto decoded = decode_response(protocol, message.SerializeAsString());
  EXPECT_TRUE(decoded);
  return decoded ? *std::move(decoded) : Response{};
}

TEST(ResponseTest, TheNameIsReadWithoutKnowingTheType) {
  EXPECT_EQ(read_resource_name(std::string_view("\x0a\x01"
                                                "a",
                                                3)),
            "a");
  EXPECT_EQ(read_resource_name(""), "");
  // Behind other fields; of several the last counts, as protobuf has it.
  EXPECT_EQ(read_resource_name(std::string_view("\x10\x05\x0a\x01x\x1a\x02zz\x0a\x02yy", 13)),
            "yy");
  EXPECT_EQ(read_resource_name(std::string_view("\x0a\x05xx", 4)), std::nullopt);
  EXPECT_EQ(read_resource_name("\xff\xff\xff\xff\xff\xff"), std::nullopt);
  EXPECT_EQ(read_resource_name(std::string_view("\x0c", 1)), std::nullopt);  // end of no group
}

TEST(ResponseTest, AWrappedResourceHasItsOwnNameAndVersion) {
  auto message = sotw(kRds, "7", "n", {"plain"});
  discovery::Resource wrapper;
  wrapper.set_name("wrapped");
  *wrapper.mutable_resource() = body(kRds, "inner");
  message.add_resources()->PackFrom(wrapper);
  wrapper.set_name("versioned");
  wrapper.set_version("8");
  message.add_resources()->PackFrom(wrapper);
  wrapper.clear_resource();
  wrapper.set_name("kept");
  message.add_resources()->PackFrom(wrapper);
  const auto response = decode(message, Protocol::sotw);
  ASSERT_EQ(response.added.size(), 3u);
  EXPECT_EQ(response.added[0].name + response.added[0].version, "plain7");
  EXPECT_EQ(response.added[1].name + response.added[1].version, "wrapped7");
  EXPECT_EQ(response.added[2].name + response.added[2].version, "versioned8");
  EXPECT_EQ(response.added[2].body.type_url(), type_url(kRds));
  EXPECT_EQ(response.confirmed, Names{"kept"});
  EXPECT_EQ(response.refusal, "");
}

TEST(ResponseTest, BadBytesOfOneResourceSpareTheOthers) {
  auto message = sotw(kCds, "1", "n", {"a", "b"});
  message.mutable_resources(0)->set_value("\xff");
  auto& odd = *message.add_resources();
  odd.set_type_url("type.googleapis.com/envoy.service.discovery.v3.Resource");
  odd.set_value("\xff");
  const auto response = decode(message, Protocol::sotw);
  ASSERT_EQ(response.added.size(), 1u);
  EXPECT_EQ(response.added[0].name, "b");
  EXPECT_EQ(describe_errors(response.errors),
            "'': its bytes are no protobuf message; '': its bytes are no protobuf message");
}

TEST(ResponseTest, ANameMustBeText) {
  auto message = sotw(kCds, "1", "n", {"a\xff", "b"});
  const auto response = decode(message, Protocol::sotw);
  ASSERT_EQ(response.added.size(), 1u);
  EXPECT_EQ(response.added[0].name, "b");
  EXPECT_EQ(describe_errors(response.errors), "'a?': its name is no UTF-8");
}

TEST(ResponseTest, WhatIsNoResponseIsSaid) {
  for (const auto protocol : {Protocol::sotw, Protocol::delta}) {
    const auto decoded = decode_response(protocol, "\xff\xff");
    ASSERT_FALSE(decoded);
    EXPECT_EQ(decoded.error().message,
              std::string("message of 2 bytes: not a ") +
                  (protocol == Protocol::sotw ? "DiscoveryResponse" : "DeltaDiscoveryResponse"));
  }
}

TEST(ResponseTest, AComplaintIsPrintableAndHasAnEnd) {
  EXPECT_EQ(describe_errors({}), "");
  EXPECT_EQ(describe_errors({{"a", "x.y", "bad"}, {"b", "", "worse"}}),
            "'a': x.y: bad; 'b': worse");
  EXPECT_EQ(describe_errors({{"\xff\n", "", "z"}}), "'?\?': z");
  const auto text = describe_errors(std::vector<ResourceError>(100000, {"name", "f", "text"}));
  EXPECT_EQ(text.size(), 4096u);
  EXPECT_TRUE(text.ends_with("...(truncated)"));
}

}  // namespace
}  // namespace weir::xds
