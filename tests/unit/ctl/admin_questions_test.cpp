// SPDX-License-Identifier: Apache-2.0
#include <thread>

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/read_until.hpp>
#include <asio/write.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ctl/commands.hpp"

namespace weir::ctl {
namespace {

using asio::ip::tcp;
using testing::HasSubstr;
using testing::StartsWith;

/// Answers so many questions as there are answers, one connection each.
class Admin {
 public:
  explicit Admin(std::vector<std::string> answers, std::string question = "GET /ready HTTP/1.1\r\n")
      : acceptor_(loop_, tcp::endpoint(asio::ip::address_v4::loopback(), 0)),
        thread_([this, answers = std::move(answers), question = std::move(question)] {
          for (const std::string& answer : answers) {
            tcp::socket client = acceptor_.accept();
            std::string request;
            asio::read_until(client, asio::dynamic_buffer(request), "\r\n\r\n");
            EXPECT_THAT(request, StartsWith(question));
            asio::write(client, asio::buffer(answer));
          }
        }) {}
  ~Admin() { thread_.join(); }

  std::uint16_t port() const { return acceptor_.local_endpoint().port(); }

  WaitOptions options(std::chrono::milliseconds timeout) {
    WaitOptions out;
    out.admin.port = port();
    out.timeout = timeout;
    out.interval = std::chrono::milliseconds(5);
    return out;
  }

 private:
  asio::io_context loop_;
  tcp::acceptor acceptor_;
  std::thread thread_;
};

const std::string kNotYet =
    "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 30\r\n\r\nINITIALIZING\nawaited: cluster "
    "a\n";
const std::string kLive = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nLIVE\n";

TEST(Wait, UntilItIsLive) {
  Admin admin({kNotYet, kNotYet, kLive});
  const auto ready = wait_until_ready(admin.options(std::chrono::seconds(30)));
  EXPECT_TRUE(ready) << ready.error().message;
}

TEST(Wait, SaysWhatIsAwaited) {
  Admin admin({kNotYet});
  WaitOptions options = admin.options(std::chrono::seconds(30));
  options.interval = std::chrono::seconds(30);  // no time for a second question
  const auto ready = wait_until_ready(options);
  ASSERT_FALSE(ready);
  EXPECT_THAT(ready.error().message,
              HasSubstr("/ready answers 503: INITIALIZING; awaited: cluster a"));
}

TEST(Wait, SaysThatNobodyListens) {
  WaitOptions options;
  {
    asio::io_context loop;
    tcp::acceptor taken(loop, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    options.admin.port = taken.local_endpoint().port();
  }
  options.timeout = std::chrono::milliseconds(50);
  options.interval = std::chrono::milliseconds(10);
  const auto ready = wait_until_ready(options);
  ASSERT_FALSE(ready);
  EXPECT_THAT(ready.error().message, HasSubstr("connect: Connection refused"));
}

TEST(Wait, SomethingElseThatListensIsNotReady) {
  Admin admin({"220 mail\r\n"});
  WaitOptions options = admin.options(std::chrono::seconds(30));
  options.interval = std::chrono::seconds(30);
  const auto ready = wait_until_ready(options);
  ASSERT_FALSE(ready);
  EXPECT_THAT(ready.error().message, HasSubstr("no answer of an admin server"));
}

TEST(Drain, IsBegun) {
  Admin admin({"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nOK\n"},
              "POST /healthcheck/fail HTTP/1.1\r\n");
  DrainOptions options;
  options.admin.port = admin.port();
  const auto begun = begin_drain(options);
  EXPECT_TRUE(begun) << begun.error().message;
}

TEST(Drain, SaysWhatTheProxyAnswers) {
  Admin admin({"HTTP/1.1 405 Method Not Allowed\r\n\r\nuse POST\n"}, "POST ");
  DrainOptions options;
  options.admin.port = admin.port();
  const auto begun = begin_drain(options);
  ASSERT_FALSE(begun);
  EXPECT_THAT(begun.error().message, HasSubstr("/healthcheck/fail answers 405: use POST"));
}

}  // namespace
}  // namespace weir::ctl
