// SPDX-License-Identifier: Apache-2.0
// weirctl wait: GET /ready until it says LIVE.
#include <asio/connect.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/read.hpp>
#include <asio/steady_timer.hpp>
#include <asio/write.hpp>

#include "ctl/commands.hpp"

namespace weir::ctl {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t kAnswerMax = 65536;

/// One question. Everything runs in one loop that is stopped at the deadline.
class Question {
 public:
  explicit Question(const Endpoint& admin)
      : socket_(loop_),
        to_(asio::ip::make_address(admin.address.to_string()), admin.port),
        request_("GET /ready HTTP/1.1\r\nHost: " + admin.to_string() +
                 "\r\nConnection: close\r\n\r\n") {}

  /// Nothing when it says LIVE; what it says otherwise.
  std::string ask(Clock::duration time) {
    socket_.async_connect(to_, [this](const asio::error_code& error) { on_connected(error); });
    loop_.run_for(time);
    if (problem_.empty() && !answered_) problem_ = "no answer in time";
    return problem_.empty() ? verdict() : problem_;
  }

 private:
  void on_connected(const asio::error_code& error) {
    if (error) {
      problem_ = "connect: " + error.message();
      return;
    }
    asio::async_write(socket_, asio::buffer(request_),
                      [this](const asio::error_code& failed, std::size_t) {
                        if (failed) problem_ = "write: " + failed.message();
                      });
    asio::async_read(socket_, asio::dynamic_buffer(answer_, kAnswerMax),
                     [this](const asio::error_code& failed, std::size_t) {
                       answered_ = failed == asio::error::eof;
                       if (failed && !answered_) problem_ = "read: " + failed.message();
                       if (!failed) problem_ = "the answer is too long";
                     });
  }

  std::string verdict() const {
    const std::size_t body = answer_.find("\r\n\r\n");
    if (!answer_.starts_with("HTTP/1.") || body == std::string::npos)
      return "no answer of an admin server";
    std::string text = answer_.substr(body + 4);
    if (answer_.substr(9, 3) == "200" && text.starts_with("LIVE")) return {};
    while (!text.empty() && text.back() == '\n') text.pop_back();
    // One line for the log of a probe.
    for (std::size_t at = 0; (at = text.find('\n', at)) != std::string::npos;)
      text.replace(at, 1, "; ");
    return "/ready answers " + answer_.substr(9, 3) + ": " + text;
  }

  asio::io_context loop_;
  asio::ip::tcp::socket socket_;
  asio::ip::tcp::endpoint to_;
  std::string request_;
  std::string answer_;
  std::string problem_;
  bool answered_ = false;
};

void pause(Clock::duration time) {
  asio::io_context loop;
  asio::steady_timer timer(loop, time);
  timer.wait();
}

}  // namespace

Result<void> wait_until_ready(const WaitOptions& options) {
  const auto deadline = Clock::now() + options.timeout;
  std::string last;
  for (;;) {
    const auto left = deadline - Clock::now();
    if (left > Clock::duration::zero()) {
      last = Question(options.admin).ask(left);
      if (last.empty()) return {};
    }
    if (Clock::now() + options.interval >= deadline)
      return Error{"admin '" + options.admin.to_string() + "': not ready within " +
                   std::to_string(options.timeout.count()) + " ms: " + last};
    pause(options.interval);
  }
}

}  // namespace weir::ctl
