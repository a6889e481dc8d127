// SPDX-License-Identifier: Apache-2.0
#include "proxy/server/take_over_message.hpp"

#include <gtest/gtest.h>

namespace weir::server {
namespace {

using Kind = TakeOverMessage::Kind;

SocketLine listener(const char* address, std::uint64_t settings) {
  return {SocketRole::listener, *Endpoint::parse(address), settings};
}

TEST(TakeOverMessage, IsTextThatAPersonCanRead) {
  const TakeOverMessage message{Kind::sockets,
                                {listener("0.0.0.0:15001", 0xabc),
                                 listener("[2001:db8::1]:80", UINT64_MAX),
                                 {SocketRole::admin, *Endpoint::parse("127.0.0.1:15000"), 0},
                                 {SocketRole::offer, {}, 0}},
                                ""};
  const std::string text = write_message(message);
  EXPECT_EQ(text,
            "weir-take-over 1 sockets\n"
            "listener 0.0.0.0:15001 abc\n"
            "listener [2001:db8::1]:80 ffffffffffffffff\n"
            "admin 127.0.0.1:15000\n"
            "offer\n");
  const auto read = read_message(text);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(*read, message);
}

TEST(TakeOverMessage, EveryKindIsReadAsItWasWritten) {
  for (const TakeOverMessage& message :
       {TakeOverMessage{Kind::ask, {}, ""}, TakeOverMessage{Kind::end, {}, ""},
        TakeOverMessage{Kind::serving, {}, ""}, TakeOverMessage{Kind::kept, {}, ""},
        TakeOverMessage{Kind::kept, {listener("[::]:15006", 0)}, ""},
        TakeOverMessage{
            Kind::refused, {}, "not now, and for a reason that takes some words to say"}}) {
    const auto read = read_message(write_message(message));
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(*read, message);
  }
}

TEST(TakeOverMessage, TheLargestFits) {
  TakeOverMessage message{Kind::sockets, {}, ""};
  for (std::size_t i = 0; i < kMostSocketsInMessage; ++i)
    message.sockets.push_back(
        listener("[2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff]:65535", UINT64_MAX));
  EXPECT_LE(write_message(message).size(), kLargestTakeOverMessage);
  EXPECT_TRUE(read_message(write_message(message)));
  message.sockets.push_back(message.sockets[0]);
  EXPECT_FALSE(read_message(write_message(message)));
}

TEST(TakeOverMessage, AnotherVersionIsSaid) {
  EXPECT_EQ(read_message("weir-take-over 2 ask\n").error().message,
            "take-over: message 'weir-take-over 2 ask': the other weir-proxy speaks another "
            "version than 1; end it before this one starts");
}

TEST(TakeOverMessage, WhatIsWrongIsRefused) {
  for (const char* wrong : {"",
                            "\n",
                            "weir-take-over 1 ask",
                            "weir-take-over 1 \n",
                            "weir-take-over 1 asks\n",
                            "weir-take-over 01 ask\n",
                            "hello 1 ask\n",
                            "weir-take-over 1 ask\noffer\n",
                            "weir-take-over 1 ask\n\n",
                            "weir-take-over 1 serving\nlistener 0.0.0.0:1 0\n",
                            "weir-take-over 1 sockets\n\n",
                            "weir-take-over 1 sockets\nlistener\n",
                            "weir-take-over 1 sockets\nlistener 0.0.0.0:1\n",
                            "weir-take-over 1 sockets\nlistener 0.0.0.0:1 \n",
                            "weir-take-over 1 sockets\nlistener 0.0.0.0:1 0x1\n",
                            "weir-take-over 1 sockets\nlistener 0.0.0.0:1 1 1\n",
                            "weir-take-over 1 sockets\nlistener 0.0.0.0:1 11111111111111111\n",
                            "weir-take-over 1 sockets\nlistener 0.0.0.0:65536 1\n",
                            "weir-take-over 1 sockets\nlistener host:1 1\n",
                            "weir-take-over 1 sockets\nadmin 127.0.0.1:1 1\n",
                            "weir-take-over 1 sockets\noffer 1\n",
                            "weir-take-over 1 refused\nfirst\nsecond\n"})
    EXPECT_FALSE(read_message(wrong)) << wrong;
  EXPECT_FALSE(read_message(std::string(kLargestTakeOverMessage, 'a') + "\n"));
}

TEST(TakeOverMessage, ErrorsShowNoControlCharacters) {
  const auto read = read_message("weir-take-over 1 sockets\n\x1b[2J\xff 1\n");
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().message, "take-over: line '?[2J? 1': expected listener, admin or offer");
}

}  // namespace
}  // namespace weir::server
