// SPDX-License-Identifier: Apache-2.0
// Known names: the fast search by sixteen bytes agrees with the table, and reads nothing past its
// text.
#include "proxy/http/header_id.hpp"

#include <sys/mman.h>

#include <cstring>
#include <string>
#include <string_view>

#include <gtest/gtest.h>
#include <unistd.h>

#include "proxy/http/http1/characters.hpp"

namespace weir::http {
namespace {

/// A text whose end is the end of readable memory, and its begin the begin of it for a whole page.
class Cliff {
 public:
  Cliff() : page_(static_cast<std::size_t>(sysconf(_SC_PAGESIZE))) {
    at_ = static_cast<char*>(
        mmap(nullptr, 2 * page_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    EXPECT_EQ(mprotect(at_ + page_, page_, PROT_NONE), 0);
  }
  Cliff(const Cliff&) = delete;
  Cliff& operator=(const Cliff&) = delete;
  ~Cliff() { munmap(at_, 2 * page_); }
  [[nodiscard]] std::string_view put(std::string_view text) const {
    char* const begin = at_ + page_ - text.size();
    std::memcpy(begin, text.data(), text.size());
    return {begin, text.size()};
  }

 private:
  std::size_t page_;
  char* at_;
};

HeaderId known(std::string_view line, std::size_t& length) {
  length = 999;
  return known_name(line, length);
}

std::string upper(std::string_view name) {
  std::string text(name);
  for (char& c : text)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
  return text;
}

/// What a byte-by-byte search says of the name in front of the first colon.
HeaderId slow(std::string_view line) {
  std::string name;
  for (const char c : line.substr(0, line.find(':'))) {
    if (token_lower(c) == 0) return HeaderId::none;
    name += token_lower(c);
  }
  return header_id(name);
}

TEST(HeaderIds, EveryNameIsFoundByItselfOnly) {
  for (std::size_t i = 1; i < kHeaderIds; ++i) {
    const auto id = static_cast<HeaderId>(i);
    const std::string name(header_name(id));
    EXPECT_EQ(header_id(name), id) << name;
    EXPECT_EQ(is_pseudo(id), name.front() == ':') << name;
    EXPECT_EQ(header_id(name + "x"), HeaderId::none);
    EXPECT_EQ(header_id("x" + name), HeaderId::none);
    EXPECT_EQ(header_id(upper(name)), HeaderId::none);
    for (std::size_t at = 0; at < name.size(); ++at) {
      std::string near = name;
      near[at] = '~';
      EXPECT_EQ(header_id(near), HeaderId::none) << near;
      near = name.substr(0, at) + name.substr(at + 1);
      const HeaderId shorter = header_id(near);
      EXPECT_TRUE(shorter == HeaderId::none || header_name(shorter) == near);
    }
  }
  EXPECT_EQ(header_id(""), HeaderId::none);
  EXPECT_EQ(header_name(HeaderId::none), "");
}

TEST(KnownNames, AreFoundInEveryCase) {
  const std::string tail = ": value\r\n" + std::string(64, 'x');
  for (std::size_t i = 1; i < kHeaderIds; ++i) {
    const auto id = static_cast<HeaderId>(i);
    const std::string name(header_name(id));
    std::size_t length = 0;
    if (is_pseudo(id)) {
      EXPECT_EQ(known(name + tail, length), HeaderId::none) << name;
      continue;
    }
    EXPECT_EQ(known(name + tail, length), id) << name;
    EXPECT_EQ(length, name.size());
    EXPECT_EQ(known(upper(name) + tail, length), id) << name;
    EXPECT_EQ(length, name.size());
    for (std::size_t at = 0; at < name.size(); ++at) {
      std::string mixed = name;
      mixed[at] = upper(name)[at];
      EXPECT_EQ(known(mixed + tail, length), id) << mixed;
    }
  }
}

TEST(KnownNames, AgreeWithTheTableForEveryOtherByte) {
  const std::string tail = ": value\r\n" + std::string(64, 'x');
  for (std::size_t i = 1; i < kHeaderIds; ++i) {
    const std::string name(header_name(static_cast<HeaderId>(i)));
    for (std::size_t at = 0; at < name.size(); ++at) {
      for (int byte = 0; byte < 256; ++byte) {
        std::string near = name;
        near[at] = static_cast<char>(byte);
        std::size_t length = 0;
        ASSERT_EQ(known(near + tail, length), slow(near + tail))
            << near << " at " << at << " byte " << byte;
      }
    }
  }
}

TEST(KnownNames, NothingIsReadPastTheText) {
  const Cliff cliff;
  std::size_t length = 0;
  for (std::size_t i = 1; i < kHeaderIds; ++i) {
    const auto id = static_cast<HeaderId>(i);
    const std::string name(header_name(id));
    for (std::size_t more = 0; more < 80; ++more) {
      const std::string text = name + ":" + std::string(more, 'v');
      const HeaderId got = known(cliff.put(text), length);
      ASSERT_TRUE(got == HeaderId::none || (got == id && length == name.size())) << text;
      // Long enough is enough: the slow way is not taken for most of a head.
      if (more >= 48 && !is_pseudo(id)) {
        ASSERT_EQ(got, id) << text;
      }
    }
    for (std::size_t size = 0; size <= name.size(); ++size)
      ASSERT_EQ(known(cliff.put(std::string_view(name).substr(0, size)), length), HeaderId::none);
  }
  for (std::size_t size = 0; size < 200; ++size)
    ASSERT_EQ(known(cliff.put(std::string(size, 'a')), length), HeaderId::none);
}

TEST(CharacterSearches, ReadNothingPastTheTextAndFindTheFirst) {
  const Cliff cliff;
  for (std::size_t size = 0; size < 70; ++size) {
    std::string_view text = cliff.put(std::string(size, 'a'));
    EXPECT_EQ(find_control(text.begin(), text.end(), text.begin()), text.end());
    EXPECT_EQ(find_target_end(text.begin(), text.end(), text.begin()), text.end());
    for (std::size_t at = 0; at < size; ++at) {
      for (const char c : {'\0', '\x1f', '\x7f', '\r'}) {
        std::string with(size, 'a');
        with[at] = c;
        with[size - 1] = c;
        text = cliff.put(with);
        ASSERT_EQ(find_control(text.begin(), text.end(), text.begin()), text.begin() + at);
        ASSERT_EQ(find_target_end(text.begin(), text.end(), text.begin()), text.begin() + at);
      }
      for (const char c : {'\t', ' ', '\x80', '\xff'}) {
        std::string with(size, 'a');
        with[at] = c;
        text = cliff.put(with);
        ASSERT_EQ(find_control(text.begin(), text.end(), text.begin()), text.end());
        ASSERT_EQ(find_target_end(text.begin(), text.end(), text.begin()), text.begin() + at);
      }
    }
  }
}

TEST(HeaderSets, AreSets) {
  HeaderSet set;
  for (std::size_t i = 1; i < kHeaderIds; ++i) {
    const auto id = static_cast<HeaderId>(i);
    EXPECT_FALSE(set.has(id));
    const HeaderId one[] = {id};
    EXPECT_FALSE(set.meets(HeaderSet(one)));
    set.add(id);
    EXPECT_TRUE(set.has(id) && set.meets(HeaderSet(one)));
  }
  set.remove(HeaderId::host);
  EXPECT_FALSE(set.has(HeaderId::host));
  EXPECT_TRUE(set.has(HeaderId::grpc_timeout));
  set.clear();
  EXPECT_FALSE(set.has(HeaderId::grpc_timeout));
}

}  // namespace
}  // namespace weir::http
