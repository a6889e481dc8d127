// SPDX-License-Identifier: Apache-2.0
// FilterWalk with filters that do anything: headers, body and trailers come out whole, in order and
// once, and each filter sees them so.
#include "proxy/filters/network/http_connection_manager/filter_walk.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace weir::filters {
namespace {

using enum FilterStatus;

/// What went past one place.
struct Seen {
  void headers(bool end_of_stream) {
    EXPECT_FALSE(begun) << "headers twice";
    begun = true;
    ended = end_of_stream;
  }
  /// `again`: the empty body of a message whose headers have ended it.
  void data(std::string_view bytes, bool end_of_stream, bool again = false) {
    EXPECT_TRUE(begun) << "body before headers";
    EXPECT_TRUE(!ended || (again && bytes.empty())) << "body after the end";
    EXPECT_FALSE(trailers_seen) << "body after trailers";
    body += bytes;
    ended = end_of_stream;
  }
  void trailers() {
    EXPECT_TRUE(begun && !ended && !trailers_seen);
    trailers_seen = ended = true;
  }
  bool begun = false;
  bool ended = false;
  bool trailers_seen = false;
  std::string body;
};

struct Filter final : HttpFilter {
  FilterStatus at_headers = go_on;
  std::vector<FilterStatus> at_data;  // of each call; then go_on
  FilterStatus at_trailers = go_on;
  std::optional<std::string> replacement;  // of the first piece
  bool adds_one = false;                   // to each byte

  Seen seen;
  std::size_t calls = 0;
  bool paused = false;
};

/// The connection manager around the filters.
struct Side {
  FilterStatus headers(HttpFilter& filter, bool end) {
    Filter& one = at(filter);
    one.seen.headers(end);
    return answer(one, one.at_headers);
  }
  FilterStatus data(HttpFilter& filter, BodyPiece& piece, bool end) {
    Filter& one = at(filter);
    one.seen.data(piece.bytes, end, one.at_headers == need_body);
    if (one.at_headers == need_body) {
      EXPECT_EQ(one.calls, 0u) << "a body in pieces";
    }
    if (one.adds_one) {
      std::string text(piece.bytes);
      for (char& c : text) ++c;
      piece.replace(std::move(text));
    }
    if (one.calls == 0 && one.replacement) piece.replace(*one.replacement);
    const std::size_t call = one.calls++;
    return answer(one, call < one.at_data.size() ? one.at_data[call] : go_on);
  }
  FilterStatus trailers(HttpFilter& filter) {
    Filter& one = at(filter);
    one.seen.trailers();
    return answer(one, one.at_trailers);
  }
  void out_headers(bool end) {
    EXPECT_FALSE(over_);
    out.headers(end);
    count();
  }
  void out_data(std::string_view bytes, bool end) {
    EXPECT_FALSE(over_);
    out.data(bytes, end);
    count();
  }
  void out_trailers() {
    EXPECT_FALSE(over_);
    out.trailers();
    count();
  }
  [[nodiscard]] bool over() const { return over_; }
  [[nodiscard]] std::size_t buffer_limit() const { return limit; }
  void too_large() {
    EXPECT_FALSE(over_);
    refused = over_ = true;
  }
  void hold_peer(bool held) {
    EXPECT_NE(peer_held, held);
    peer_held = held;
  }

  Seen out;
  std::size_t limit = 1000000;
  int outs_until_over = -1;  // the stream ends within this call
  bool refused = false;
  bool peer_held = false;
  bool over_ = false;

 private:
  Filter& at(HttpFilter& filter) {
    EXPECT_FALSE(over_) << "called after the end";
    auto& one = static_cast<Filter&>(filter);
    EXPECT_FALSE(one.paused) << "called while it waits";
    return one;
  }
  FilterStatus answer(Filter& filter, FilterStatus status) {
    filter.paused = status == pause;
    over_ = over_ || status == FilterStatus::ended;
    return status;
  }
  void count() {
    if (outs_until_over >= 0 && outs_until_over-- == 0) over_ = true;
  }
};

/// Some filters and what walks through them.
struct Walk {
  explicit Walk(std::size_t count, bool reversed = false) {
    for (std::size_t i = 0; i < count; ++i) filters.push_back(std::make_unique<Filter>());
    for (const auto& filter : filters) places.push_back(filter.get());
    if (reversed) std::reverse(places.begin(), places.end());
    walk.set_filters(places.data(), count, reversed);
  }
  void resume(std::size_t i) {
    filters[i]->paused = false;
    walk.resume(*filters[i]);
  }
  [[nodiscard]] bool waiting() const {
    return std::any_of(filters.begin(), filters.end(),
                       [](const auto& filter) { return filter->paused; });
  }

  Side side;
  std::vector<std::unique_ptr<Filter>> filters;  // as the message meets them
  std::vector<HttpFilter*> places;
  FilterWalk<Side> walk{side};
};

TEST(FilterWalk, WithoutFiltersEverythingGoesThrough) {
  Walk walk(0);
  EXPECT_FALSE(walk.walk.begun());
  walk.walk.headers(false);
  EXPECT_TRUE(walk.walk.begun() && walk.walk.headers_out());
  walk.walk.data("abc", false);
  walk.walk.trailers();
  EXPECT_EQ(walk.side.out.body, "abc");
  EXPECT_TRUE(walk.side.out.trailers_seen);
}

TEST(FilterWalk, AFilterThatWaitsWithHeadersSeesTheEndThatCameMeanwhile) {
  Walk walk(2);
  walk.filters[0]->at_headers = pause;
  walk.walk.headers(false);
  EXPECT_FALSE(walk.walk.headers_out());
  walk.walk.data("", true);
  walk.resume(0);
  EXPECT_TRUE(walk.filters[0]->seen.ended && walk.filters[1]->seen.ended && walk.side.out.ended);
  EXPECT_EQ(walk.filters[0]->calls, 1u);
}

TEST(FilterWalk, AFilterMayGiveAMessageABody) {
  for (const bool second_waits : {false, true}) {
    Walk walk(3);
    walk.filters[1]->at_headers = need_body;
    walk.filters[1]->replacement = "made";
    walk.filters[2]->at_headers = second_waits ? need_body : go_on;
    walk.walk.headers(true);
    EXPECT_EQ(walk.side.out.body, "made");
    EXPECT_EQ(walk.filters[2]->seen.body, "made");
    EXPECT_TRUE(walk.side.out.ended);
  }
}

TEST(FilterWalk, AFilterMayTakeTheBodyAway) {
  Walk walk(2);
  walk.filters[0]->at_headers = need_body;
  walk.filters[0]->replacement = "";
  walk.walk.headers(false);
  walk.walk.data("abc", false);
  walk.walk.data("def", true);
  EXPECT_EQ(walk.filters[0]->seen.body, "abcdef");
  EXPECT_EQ(walk.filters[1]->seen.body, "");
  EXPECT_TRUE(walk.side.out.ended);
  EXPECT_EQ(walk.side.out.body, "");
}

TEST(FilterWalk, NeedBodyGetsItBeforeTrailers) {
  Walk walk(1);
  walk.filters[0]->at_headers = need_body;
  walk.walk.headers(false);
  walk.walk.data("ab", false);
  walk.walk.data("cd", false);
  EXPECT_FALSE(walk.side.out.begun);
  walk.walk.trailers();
  EXPECT_EQ(walk.side.out.body, "abcd");
  EXPECT_TRUE(walk.side.out.trailers_seen);
}

TEST(FilterWalk, NeedBodyIsLimited) {
  Walk walk(1);
  walk.side.limit = 5;
  walk.filters[0]->at_headers = need_body;
  walk.walk.headers(false);
  walk.walk.data("12345", false);
  EXPECT_FALSE(walk.side.refused);
  walk.walk.data("6", false);
  EXPECT_TRUE(walk.side.refused);
}

TEST(FilterWalk, ThePeerWaitsWhileTooMuchIsHeld) {
  Walk walk(2);
  walk.side.limit = 5;
  walk.filters[1]->at_data = {pause};
  walk.walk.headers(false);
  walk.walk.data("123", false);
  walk.walk.data("45", false);
  EXPECT_FALSE(walk.side.peer_held);
  walk.walk.data("6", false);
  EXPECT_TRUE(walk.side.peer_held);
  walk.walk.data("7", true);
  walk.resume(1);
  EXPECT_FALSE(walk.side.peer_held);
  EXPECT_EQ(walk.side.out.body, "1234567");
  EXPECT_TRUE(walk.side.out.ended);
}

TEST(FilterWalk, ResumingWhatDoesNotWaitIsNothing) {
  Walk walk(2);
  walk.resume(0);
  walk.walk.headers(false);
  walk.resume(1);
  walk.walk.data("a", true);
  walk.resume(0);
  EXPECT_EQ(walk.side.out.body, "a");
}

// --- Anything at all.

class Chance {
 public:
  explicit Chance(std::uint32_t seed) : random_(seed) {}
  std::uint32_t below(std::uint32_t bound) { return static_cast<std::uint32_t>(random_() % bound); }
  bool one_in(std::uint32_t n) { return below(n) == 0; }

 private:
  std::mt19937 random_;
};

void prepare(Walk& walk, Chance& chance, bool may_end) {
  for (const auto& filter : walk.filters) {
    constexpr FilterStatus kAtHeaders[] = {go_on, go_on, pause, need_body};
    filter->at_headers = kAtHeaders[chance.below(4)];
    for (std::uint32_t i = chance.below(5); i > 0; --i)
      filter->at_data.push_back(chance.one_in(2) ? pause : go_on);
    filter->at_trailers = chance.one_in(2) ? pause : go_on;
    filter->adds_one = chance.one_in(2);
    if (may_end && chance.one_in(6)) filter->at_data.push_back(FilterStatus::ended);
    if (may_end && chance.one_in(10)) filter->at_trailers = FilterStatus::ended;
    if (may_end && chance.one_in(10)) filter->at_headers = FilterStatus::ended;
  }
  if (may_end && chance.one_in(3)) walk.side.outs_until_over = static_cast<int>(chance.below(4));
}

void resume_some(Walk& walk, Chance& chance) {
  while (!walk.side.over_ && chance.one_in(2)) {
    const std::size_t i = chance.below(static_cast<std::uint32_t>(walk.filters.size()));
    if (walk.filters[i]->paused) walk.resume(i);
  }
}

/// Sends a message; returns its body. Nothing comes once the stream is over.
std::string send(Walk& walk, Chance& chance, bool trailers) {
  std::string body;
  const bool only_headers = !trailers && chance.one_in(4);
  walk.walk.headers(only_headers);
  for (std::uint32_t left = only_headers ? 0 : chance.below(6) + 1; left > 0; --left) {
    resume_some(walk, chance);
    if (walk.side.over_) return body;
    const std::string piece(chance.below(4), static_cast<char>('a' + left));
    body += piece;
    walk.walk.data(piece, left == 1 && !trailers);
  }
  resume_some(walk, chance);
  if (trailers && !walk.side.over_) walk.walk.trailers();
  for (int turn = 0; turn < 1000 && walk.waiting() && !walk.side.over_; ++turn)
    resume_some(walk, chance);
  return body;
}

TEST(FilterWalk, WhateverFiltersDoTheMessageComesOutWholeAndOnce) {
  for (std::uint32_t seed = 0; seed < 5000; ++seed) {
    SCOPED_TRACE(seed);
    Chance chance(seed);
    Walk walk(chance.below(4) + (chance.one_in(9) ? 0 : 1), chance.one_in(2));
    if (walk.filters.empty()) continue;
    prepare(walk, chance, false);
    const bool trailers = chance.one_in(3);
    std::string body = send(walk, chance, trailers);
    ASSERT_FALSE(walk.waiting());
    for (const auto& filter : walk.filters) {
      ASSERT_EQ(filter->seen.body, body);
      ASSERT_TRUE(filter->seen.ended);
      ASSERT_EQ(filter->seen.trailers_seen, trailers);
      if (filter->adds_one)
        for (char& c : body) ++c;
    }
    ASSERT_EQ(walk.side.out.body, body);
    ASSERT_TRUE(walk.side.out.begun && walk.side.out.ended && walk.walk.headers_out());
    ASSERT_EQ(walk.side.out.trailers_seen, trailers);
    ASSERT_FALSE(walk.side.peer_held);
    if (HasFailure()) return;
  }
}

TEST(FilterWalk, NothingIsCalledOnceTheStreamIsOver) {
  std::size_t ended = 0;
  std::size_t refused = 0;
  for (std::uint32_t seed = 0; seed < 5000; ++seed) {
    SCOPED_TRACE(seed);
    Chance chance(seed);
    Walk walk(chance.below(3) + 1, chance.one_in(2));
    walk.side.limit = chance.below(8);
    prepare(walk, chance, true);
    send(walk, chance, chance.one_in(3));
    ended += walk.side.over_ ? 1 : 0;
    refused += walk.side.refused ? 1 : 0;
    if (HasFailure()) return;
  }
  EXPECT_GT(ended, 200u);
  EXPECT_GT(refused, 200u);
}

}  // namespace
}  // namespace weir::filters
