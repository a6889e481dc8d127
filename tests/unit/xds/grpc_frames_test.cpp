// SPDX-License-Identifier: Apache-2.0
#include "proxy/xds/grpc_frames.hpp"

#include <gtest/gtest.h>

namespace weir::xds {
namespace {

using Messages = std::vector<std::string>;

std::string frame(const std::string& message) { return grpc_prefix(message.size()) + message; }

TEST(GrpcFramesTest, AnyCutOfTheBytesGivesTheSameMessages) {
  const std::string bytes = frame("one") + frame("") + frame(std::string(70000, 'x')) + frame("z");
  for (const std::size_t piece : {std::size_t{1}, std::size_t{4}, std::size_t{5}, bytes.size()}) {
    GrpcDecoder decoder;
    Messages messages;
    for (std::size_t at = 0; at < bytes.size(); at += piece)
      ASSERT_TRUE(decoder.feed(std::string_view(bytes).substr(at, piece), messages));
    EXPECT_EQ(messages, (Messages{"one", "", std::string(70000, 'x'), "z"})) << piece;
    EXPECT_TRUE(decoder.at_rest());
  }
}

TEST(GrpcFramesTest, HalfAMessageIsNone) {
  GrpcDecoder decoder;
  Messages messages;
  EXPECT_TRUE(decoder.feed(frame("whole") + frame("half").substr(0, 7), messages));
  EXPECT_EQ(messages, Messages{"whole"});
  EXPECT_FALSE(decoder.at_rest());
}

TEST(GrpcFramesTest, TheLimitIsKeptBeforeAnythingIsStored) {
  GrpcDecoder decoder(100);
  Messages messages;
  EXPECT_TRUE(decoder.feed(frame(std::string(100, 'x')), messages));
  const auto fed = decoder.feed(grpc_prefix(101), messages);
  ASSERT_FALSE(fed);
  EXPECT_EQ(fed.error().message,
            "gRPC message of 101 bytes: more than 100 are not taken; see "
            "max_receive_message_length");
  EXPECT_EQ(messages.size(), 1u);
}

TEST(GrpcFramesTest, WhatIsCompressedIsRefused) {
  GrpcDecoder decoder;
  Messages messages;
  const auto fed = decoder.feed(std::string_view("\x01\0\0\0\0", 5), messages);
  ASSERT_FALSE(fed);
  EXPECT_EQ(fed.error().message,
            "gRPC message: compressed, which was not offered; switch compression off in the "
            "control plane");
  GrpcDecoder other;
  EXPECT_FALSE(other.feed("HTTP/1.1 200 OK", messages));
  EXPECT_TRUE(messages.empty());
}

TEST(GrpcFramesTest, APrefixIsBigEndian) {
  EXPECT_EQ(grpc_prefix(0x01020304), std::string("\0\x01\x02\x03\x04", 5));
}

TEST(GrpcFramesTest, TheTextOfAStatusIsMadeFitForALog) {
  EXPECT_EQ(decode_grpc_message("server%20is not ready%3a 100%"), "server is not ready: 100%");
  EXPECT_EQ(decode_grpc_message("a%0Ab%zz%4"), "a?b%zz%4");
  EXPECT_EQ(decode_grpc_message(std::string(5000, 'x')).size(), 1024u);
  EXPECT_EQ(decode_grpc_message("tail%41"), "tailA");
}

}  // namespace
}  // namespace weir::xds
