// SPDX-License-Identifier: Apache-2.0
#include "proxy/tls/client_hello.hpp"

#include <memory>
#include <ostream>
#include <random>

#include <gtest/gtest.h>

#include "tests/unit/tls/captured_hellos.hpp"
#include "tests/unit/tls/hello_builder.hpp"

namespace weir::tls {
namespace {

using Kind = ClientHelloResult::Kind;
using Names = std::vector<std::string>;

/// Parses a copy that is exactly as long as the bytes, so that a sanitizer sees a read past them.
ClientHelloResult parse(std::string_view bytes) {
  const auto copy = std::make_unique<std::byte[]>(bytes.size());
  std::copy(bytes.begin(), bytes.end(), reinterpret_cast<char*>(copy.get()));
  return parse_client_hello({copy.get(), bytes.size()});
}

Raw hello(const Raw& extensions) {
  HelloBuilder builder;
  builder.extensions = extensions;
  return record(builder.message());
}

void expect_found(std::string_view bytes, std::string_view name, const Names& protocols) {
  const auto result = parse(bytes);
  EXPECT_EQ(result.kind, Kind::found) << result.reason;
  EXPECT_EQ(result.server_name, name);
  EXPECT_EQ(result.application_protocols, protocols);
}
void expect_malformed(std::string_view bytes, std::string_view reason) {
  const auto result = parse(bytes);
  EXPECT_EQ(result.kind, Kind::malformed) << reason;
  EXPECT_EQ(result.reason, reason);
  EXPECT_TRUE(result.server_name.empty());
  EXPECT_TRUE(result.application_protocols.empty());
}

TEST(ClientHello, NameAndProtocols) {
  expect_found(hello(server_name("www.example.com") + alpn({"h2", "http/1.1"})), "www.example.com",
               {"h2", "http/1.1"});
  expect_found(hello(alpn({"h2"}) + server_name("www.example.com")), "www.example.com", {"h2"});
}

TEST(ClientHello, TheNameIsLowerCased) {
  expect_found(hello(server_name("WWW.Example.COM")), "www.example.com", {});
}

TEST(ClientHello, WithoutNameOrProtocols) {
  expect_found(hello(""), "", {});
  HelloBuilder tls10;
  tls10.version = 0x0301;
  tls10.with_extensions = false;
  tls10.session_id.clear();
  expect_found(record(tls10.message()), "", {});
}

TEST(ClientHello, RealClients) {
  expect_found(from_hex(kOpenSslTls13), "www.example.com", {"h2", "http/1.1"});
  expect_found(from_hex(kOpenSslTls12), "api.example.com", {});
  expect_found(from_hex(kOpenSslTls10NoName), "", {});
  expect_found(from_hex(kCurl), "curl.example.com", {"h2", "http/1.1"});
}

TEST(ClientHello, GreaseAndUnknownExtensionsAreSkipped) {
  HelloBuilder builder;
  builder.cipher_suites = Raw("\x0a\x0a\x13\x01", 4);
  builder.extensions = extension(0x0a0a, "") + extension(0xfafa, Raw(1, '\0')) +
                       server_name("a.example") + extension(0xfe0d, Raw(200, 'e')) +
                       alpn({"\x1a\x1a", "h2"}) + extension(0x5a5a, "x");
  expect_found(record(builder.message()), "a.example", {"\x1a\x1a", "h2"});
}

TEST(ClientHello, RecordVersionsOfAllTimes) {
  const Raw message = HelloBuilder().message();
  for (const std::uint16_t version : {0x0300, 0x0301, 0x0302, 0x0303, 0x0304, 0x03ff})
    EXPECT_EQ(parse(record(message, 22, version)).kind, Kind::found) << version;
}

TEST(ClientHello, WhatFollowsIsNotLookedAt) {
  const Raw good = hello(server_name("a.example"));
  expect_found(good + "\xff\xff\xff early data", "a.example", {});
  HelloBuilder builder;
  expect_found(record(builder.message() + "next message in the same record"), "", {});
}

TEST(NotTls, IsKnownFromTheFirstBytes) {
  for (const std::string_view bytes :
       {"G", "GET / HTTP/1.1\r\n", "SSH-2.0-x", "\x80\x2e\x01\x03\x01", "\x17", "\x15\x03\x01",
        "\x14", "\x16G", "\x16\x02\x00", "\x16\x04"})
    EXPECT_EQ(parse(bytes).kind, Kind::not_tls) << bytes;
  EXPECT_EQ(parse(std::string_view("\0", 1)).kind, Kind::not_tls);
  // A handshake record that begins with another message, here a ServerHello.
  EXPECT_EQ(parse(record("\x02\x03\x04\x05")).kind, Kind::not_tls);
  EXPECT_EQ(parse(record(number(0, 4))).kind, Kind::not_tls);
}

TEST(NeedMore, FirstBytesAreAskedForOneDecisionAtATime) {
  EXPECT_EQ(parse("").min_bytes, 1u);
  EXPECT_EQ(parse("\x16").min_bytes, 2u);
  EXPECT_EQ(parse("\x16\x03").min_bytes, 6u);
  EXPECT_EQ(parse(std::string_view("\x16\x03\x01\x02\x00", 5)).min_bytes, 6u);
}

// Every prefix of a hello needs more; what it asks for is more than it has and never more than the
// whole.
void expect_every_prefix_needs_more(const Raw& bytes) {
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const auto result = parse(std::string_view(bytes).substr(0, size));
    ASSERT_EQ(result.kind, Kind::need_more) << size;
    ASSERT_GT(result.min_bytes, size);
    ASSERT_LE(result.min_bytes, bytes.size());
  }
  EXPECT_EQ(parse(bytes).kind, Kind::found);
}

TEST(NeedMore, AtEveryByteOfRealClients) {
  for (const auto hex : {kOpenSslTls13, kOpenSslTls12, kOpenSslTls10NoName, kCurl})
    expect_every_prefix_needs_more(from_hex(hex));
}

TEST(NeedMore, OneRecordSaysExactlyHowMuch) {
  const Raw bytes = hello(server_name("a.example"));
  for (std::size_t size = 9; size < bytes.size(); ++size)
    EXPECT_EQ(parse(std::string_view(bytes).substr(0, size)).min_bytes, bytes.size());
}

TEST(NeedMore, TheNextRecordCountsWithItsHeader) {
  const Raw message = HelloBuilder().message();
  const Raw bytes = record(message.substr(0, 20)) + record(message.substr(20));
  for (std::size_t size = 9; size < bytes.size(); ++size)
    EXPECT_EQ(parse(std::string_view(bytes).substr(0, size)).min_bytes, bytes.size());
}

TEST(Fragments, RecordsOfEverySize) {
  HelloBuilder builder;
  builder.extensions = server_name("split.example") + alpn({"h2", "http/1.1"});
  const Raw message = builder.message();
  for (std::size_t size = 1; size <= message.size(); ++size) {
    const Raw bytes = records(message, size);
    expect_found(bytes, "split.example", {"h2", "http/1.1"});
    expect_every_prefix_needs_more(bytes);
  }
}

TEST(Fragments, TwoRecordsSplitAnywhere) {
  HelloBuilder builder;
  builder.extensions = server_name("split.example");
  const Raw message = builder.message();
  for (std::size_t cut = 1; cut < message.size(); ++cut)
    expect_found(record(message.substr(0, cut)) + record(message.substr(cut)), "split.example", {});
}

TEST(Fragments, SlowSendersCostFewLooks) {
  HelloBuilder builder;
  builder.extensions = server_name("a.example") + extension(21, Raw(10000, '\0'));
  const Raw bytes =
      records(builder.message(), 1);  // 6 bytes on the wire for each byte of the message
  int looks = 0;
  for (std::size_t have = 0;; ++looks) {
    const auto result = parse(std::string_view(bytes).substr(0, have));
    if (result.kind == Kind::found) break;
    ASSERT_EQ(result.kind, Kind::need_more);
    have = result.min_bytes;
  }
  EXPECT_LE(looks, 80);
}

TEST(Fragments, OtherRecordsMayNotComeBetween) {
  const Raw message = HelloBuilder().message();
  const Raw first = record(message.substr(0, 20));
  const Raw rest = message.substr(20);
  expect_malformed(first + record("x", 23) + record(rest),
                   "a record of another kind splits the ClientHello");
  expect_malformed(first + record(rest, 22, 0x0201),
                   "a record of another kind splits the ClientHello");
}

TEST(Records, EmptyOrTooLong) {
  const Raw message = HelloBuilder().message();
  expect_malformed(record(message.substr(0, 20)) + record("") + record(message.substr(20)),
                   "a record is empty or longer than 16384 bytes");
  // The type of the message stands where the payload would.
  expect_malformed(Raw("\x16\x03\x01\x00\x00\x01", 6),
                   "a record is empty or longer than 16384 bytes");
  expect_malformed(Raw("\x16\x03\x01\x40\x01\x01", 6),
                   "a record is empty or longer than 16384 bytes");
  EXPECT_EQ(parse(Raw("\x16\x03\x01\x40\x00\x01", 6)).kind, Kind::need_more);
}

HelloBuilder of_message_size(std::size_t size) {
  HelloBuilder builder;
  builder.extensions = server_name("big.example") + extension(21, "");
  builder.extensions += Raw();
  const std::size_t padding = size - builder.message().size();
  builder.extensions = server_name("big.example") + extension(21, Raw(padding, '\0'));
  return builder;
}

TEST(TooLarge, TheLimitCountsRecordHeaders) {
  // Four full records, and headers: 65536 bytes on the wire hold 65516 bytes of message.
  const std::size_t most = kMaxClientHelloBytes - 4 * 5;
  const Raw largest = records(of_message_size(most).message(), 1u << 14);
  ASSERT_EQ(largest.size(), kMaxClientHelloBytes);
  expect_found(largest, "big.example", {});
  const Raw larger = records(of_message_size(most + 1).message(), 1u << 14);
  EXPECT_EQ(parse(larger).kind, Kind::too_large);
}

TEST(TooLarge, IsKnownAsSoonAsTheLengthIs) {
  EXPECT_EQ(parse(Raw("\x16\x03\x01\x40\x00\x01\x01\x00\x00", 9)).kind, Kind::too_large);
  EXPECT_EQ(parse(Raw("\x16\x03\x01\x40\x00\x01\xff\xff\xff", 9)).kind, Kind::too_large);
  EXPECT_EQ(parse(Raw("\x16\x03\x01\x40\x00\x01\x00\xff\x00", 9)).kind, Kind::need_more);
}

TEST(TooLarge, IsNotForgottenWhenMoreBytesAreBroken) {
  const Raw start = record(Raw("\x01\x01\x00\x00", 4));
  EXPECT_EQ(parse(start).kind, Kind::too_large);
  EXPECT_EQ(parse(start + record("x", 23)).kind, Kind::too_large);
}

TEST(TooLarge, TinyRecordsRunIntoTheLimitToo) {
  const Raw bytes = records(of_message_size(20000).message(), 1);
  EXPECT_EQ(parse(bytes).kind, Kind::too_large);
  std::size_t have = 0;
  int looks = 0;
  for (;; ++looks) {
    const auto result = parse(std::string_view(bytes).substr(0, have));
    if (result.kind != Kind::need_more) {
      EXPECT_EQ(result.kind, Kind::too_large);
      break;
    }
    ASSERT_LE(result.min_bytes, kMaxClientHelloBytes);
    have = result.min_bytes;
  }
  EXPECT_LE(looks, 80);
}

TEST(Fields, Lengths) {
  HelloBuilder builder;
  builder.session_id = Raw(33, 's');
  expect_malformed(record(builder.message()), "the session id is longer than 32 bytes");
  builder = {};
  builder.cipher_suites.clear();
  expect_malformed(record(builder.message()), "the list of cipher suites is empty or odd");
  builder.cipher_suites = "abc";
  expect_malformed(record(builder.message()), "the list of cipher suites is empty or odd");
  builder = {};
  builder.compression_methods.clear();
  expect_malformed(record(builder.message()), "the list of compression methods is empty");
  builder = {};
  builder.version = 0x0200;
  expect_malformed(record(builder.message()), "the ClientHello has an unknown version");
  builder = {};
  builder.trailer = "x";
  expect_malformed(record(builder.message()), "the extensions do not fill the ClientHello");
  builder.with_extensions = false;
  expect_malformed(record(builder.message()), "the extensions do not fill the ClientHello");
}

TEST(Fields, AMessageThatEndsEarlyAnywhere) {
  HelloBuilder builder;
  builder.extensions = server_name("a.example") + alpn({"h2"});
  const Raw body = builder.body();
  for (std::size_t size = 0; size < body.size(); ++size) {
    const auto result = parse(record(number(1, 1) + part(body.substr(0, size), 3)));
    // Ending right before the extensions is the old form without any.
    const bool old_form = size == body.size() - builder.extensions.size() - 2;
    EXPECT_EQ(result.kind, old_form ? Kind::found : Kind::malformed) << size;
  }
}

TEST(Extensions, CutShort) {
  expect_malformed(hello("\x01"), "an extension is cut short");
  expect_malformed(hello(number(5, 2) + number(1, 2)), "an extension is cut short");
  expect_malformed(hello(server_name("a.example") + "\x01\x02\x03"), "an extension is cut short");
}

TEST(ServerName, ShapesThatAreRefused) {
  constexpr auto kShape = "server_name is not one host name";
  expect_malformed(hello(extension(0, "")), kShape);
  expect_malformed(hello(extension(0, part("", 2))), kShape);
  expect_malformed(hello(extension(0, part(number(1, 1) + part("a", 2), 2))), kShape);
  expect_malformed(
      hello(extension(0, part(number(0, 1) + part("a", 2) + number(0, 1) + part("b", 2), 2))),
      kShape);
  expect_malformed(hello(extension(0, part(number(0, 1) + number(9, 2) + "short", 2))), kShape);
  expect_malformed(hello(extension(0, part(number(0, 1) + part("a", 2), 2) + "x")), kShape);
  expect_malformed(hello(extension(0, number(99, 2) + number(0, 1) + part("a", 2))), kShape);
  expect_malformed(hello(server_name("a") + server_name("b")), "server_name is repeated");
}

TEST(ServerName, Lengths) {
  expect_malformed(hello(server_name("")), "server_name is not 1 to 255 bytes long");
  expect_malformed(hello(server_name(Raw(256, 'a'))), "server_name is not 1 to 255 bytes long");
  expect_found(hello(server_name(Raw(255, 'a'))), Raw(255, 'a'), {});
}

TEST(ServerName, OnlyPrintableAscii) {
  for (int value = 0; value < 256; ++value) {
    const Raw name = "a" + Raw(1, static_cast<char>(value)) + ".example";
    const bool good = value > 0x20 && value < 0x7f;
    EXPECT_EQ(parse(hello(server_name(name))).kind, good ? Kind::found : Kind::malformed) << value;
  }
  expect_malformed(hello(server_name(Raw("good.example\0.evil.example", 26))),
                   "server_name has a character that is not printable");
}

TEST(Alpn, ShapesThatAreRefused) {
  expect_malformed(hello(extension(16, "")), "the ALPN list is cut short");
  expect_malformed(hello(extension(16, part("", 2))), "the ALPN list is cut short");
  expect_malformed(hello(extension(16, part(part("h2", 1), 2) + "x")),
                   "the ALPN list is cut short");
  expect_malformed(hello(extension(16, number(9, 2) + part("h2", 1))),
                   "the ALPN list is cut short");
  expect_malformed(hello(alpn({"h2", ""})), "the ALPN list has an empty or broken name");
  expect_malformed(hello(extension(16, part(part("h2", 1) + "\x05h", 2))),
                   "the ALPN list has an empty or broken name");
  expect_malformed(hello(alpn({"h2"}) + alpn({"h3"})), "the ALPN list is repeated");
}

TEST(Alpn, NamesAreOpaqueAndKeepTheirCase) {
  const Raw odd("\0\xff H2", 5);
  expect_found(hello(alpn({odd, Raw(255, 'x')})), "", {odd, Raw(255, 'x')});
}

TEST(Alpn, AFloodOfNamesIsCheckedButNotKept) {
  Names names(5000, "x");
  const auto result = parse(hello(alpn(names)));
  EXPECT_EQ(result.kind, Kind::found);
  EXPECT_EQ(result.application_protocols.size(), kMaxApplicationProtocols);
  names.emplace_back("");
  EXPECT_EQ(parse(hello(alpn(names))).kind, Kind::malformed);
}

// Random damage never breaks the promises of the result.
TEST(ClientHello, DamagedHellosKeepTheContract) {
  std::mt19937 random(3);
  const Raw originals[] = {from_hex(kOpenSslTls13), from_hex(kCurl),
                           records(of_message_size(400).message(), 37)};
  for (int round = 0; round < 30000; ++round) {
    Raw bytes = originals[round % 3];
    for (unsigned i = 0; i <= random() % 4; ++i)
      bytes[random() % bytes.size()] = static_cast<char>(random());
    bytes.resize(random() % (bytes.size() + 1));
    const auto result = parse(bytes);
    if (result.kind == Kind::need_more) {
      ASSERT_GT(result.min_bytes, bytes.size());
      ASSERT_LE(result.min_bytes, kMaxClientHelloBytes);
    }
    ASSERT_EQ(result.kind == Kind::malformed, !result.reason.empty());
    ASSERT_LE(result.server_name.size(), 255u);
  }
}

}  // namespace
}  // namespace weir::tls
