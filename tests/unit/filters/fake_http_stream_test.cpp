// SPDX-License-Identifier: Apache-2.0
// The fakes behave as the contracts in proxy/filters/http/filter.hpp say.
#include "tests/unit/filters/fake_http_stream.hpp"

#include <gtest/gtest.h>

namespace weir::filters {
namespace {

using std::chrono::milliseconds;

/// Answers what the test says, and notes what it sees.
class Scripted final : public HttpFilter {
 public:
  FilterStatus on_headers = FilterStatus::go_on;
  FilterStatus on_data = FilterStatus::go_on;
  FilterStatus on_trailers = FilterStatus::go_on;
  std::vector<std::string>* log = nullptr;

  FilterStatus on_request_headers(http::HeaderMap&, bool end) override {
    log->push_back(end ? "headers end" : "headers");
    return on_headers;
  }
  FilterStatus on_request_data(BodyPiece& piece, bool end) override {
    log->push_back("data " + std::string(piece.bytes) + (end ? " end" : ""));
    return on_data;
  }
  FilterStatus on_request_trailers(http::HeaderMap&) override {
    log->push_back("trailers");
    return on_trailers;
  }
  void on_end() override { log->push_back("gone"); }
};

struct ScriptedInstance final : HttpFilterInstance {
  HttpFilter* make(HttpStream& stream) override {
    made = stream.arena().make<Scripted>();
    made->log = &log;
    return made;
  }
  Scripted* made = nullptr;
  std::vector<std::string> log;
};

const HeaderPairs kPost{{":method", "POST"}, {":path", "/"}};

struct FakeStream : testing::Test {
  void SetUp() override { ASSERT_TRUE(stream.use(instance)); }
  FakeWorker worker;
  ScriptedInstance instance;
  FakeHttpStream stream{worker};
  using Log = std::vector<std::string>;
};

TEST_F(FakeStream, PassesThrough) {
  stream.send_request(kPost, false);
  EXPECT_TRUE(stream.request.headers_passed);
  EXPECT_FALSE(stream.request.ended);
  stream.send_request_data("one");
  stream.send_request_data("two", true);
  EXPECT_EQ(stream.request.body, "onetwo");
  EXPECT_TRUE(stream.request.ended);
  stream.end();
  EXPECT_EQ(instance.log, (Log{"headers", "data one", "data two end", "gone"}));
}

TEST_F(FakeStream, PauseHoldsWhatFollowsUntilResumed) {
  instance.made->on_headers = FilterStatus::pause;
  stream.send_request(kPost, false);
  stream.send_request_data("one");
  stream.send_request_trailers({{"x", "y"}});
  EXPECT_FALSE(stream.request.headers_passed);
  EXPECT_EQ(instance.log, Log{"headers"});
  stream.resume_request(*stream.filter());
  EXPECT_TRUE(stream.request.headers_passed);
  EXPECT_TRUE(stream.request.trailers_passed);
  EXPECT_EQ(stream.request.body, "one");
  EXPECT_EQ(instance.log, (Log{"headers", "data one", "trailers"}));
}

TEST_F(FakeStream, PauseAtHeadersThatAreAll) {
  instance.made->on_headers = FilterStatus::pause;
  stream.send_request(kPost);
  EXPECT_FALSE(stream.request.ended);
  stream.resume_request(*stream.filter());
  EXPECT_TRUE(stream.request.ended);
  EXPECT_EQ(instance.log, Log{"headers end"});
}

TEST_F(FakeStream, PauseAtDataIsBehindIt) {
  instance.made->on_data = FilterStatus::pause;
  stream.send_request(kPost, false);
  stream.send_request_data("one");
  stream.send_request_data("two", true);
  EXPECT_EQ(stream.request.body, "");
  instance.made->on_data = FilterStatus::go_on;
  stream.resume_request(*stream.filter());
  EXPECT_EQ(stream.request.pieces, (Log{"one", "two"}));
  EXPECT_EQ(instance.log, (Log{"headers", "data one", "data two end"}));
}

TEST_F(FakeStream, NeedBodyGathersItAll) {
  instance.made->on_headers = FilterStatus::need_body;
  stream.send_request(kPost, false);
  stream.send_request_data("one");
  stream.send_request_data("two");
  EXPECT_FALSE(stream.request.headers_passed);
  stream.send_request_trailers({{"x", "y"}});
  EXPECT_TRUE(stream.request.headers_passed);
  EXPECT_EQ(instance.log, (Log{"headers", "data onetwo", "trailers"}));
}

TEST_F(FakeStream, TimeMovesWhenTold) {
  struct Handler final : io::TimerHandler {
    void on_timer() override { ++fired; }
    int fired = 0;
  } handler;
  io::Timer timer(handler);
  const auto before = worker.loop().now();
  worker.loop().arm(timer, milliseconds(100));
  worker.advance(milliseconds(90));
  EXPECT_EQ(handler.fired, 0);
  worker.advance(milliseconds(30));
  EXPECT_EQ(handler.fired, 1);
  EXPECT_EQ(worker.loop().now() - before, milliseconds(120));
}

}  // namespace
}  // namespace weir::filters
