// SPDX-License-Identifier: Apache-2.0
#include "ctl/admin_client.hpp"

#include <asio/connect.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/read.hpp>
#include <asio/write.hpp>

namespace weir::ctl {
namespace {

constexpr std::size_t kAnswerMax = 65536;

/// Everything runs in one loop that is stopped at the deadline.
class Question {
 public:
  Question(const Endpoint& admin, const std::string& method, const std::string& path)
      : socket_(loop_),
        to_(asio::ip::make_address(admin.address.to_string()), admin.port),
        request_(method + " " + path + " HTTP/1.1\r\nHost: " + admin.to_string() +
                 "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n") {}

  Result<AdminAnswer> ask(std::chrono::steady_clock::duration time) {
    socket_.async_connect(to_, [this](const asio::error_code& error) { on_connected(error); });
    loop_.run_for(time);
    if (problem_.empty() && !answered_) problem_ = "no answer in time";
    if (!problem_.empty()) return Error{problem_};
    const std::size_t body = answer_.find("\r\n\r\n");
    if (!answer_.starts_with("HTTP/1.") || body == std::string::npos)
      return Error{"no answer of an admin server"};
    AdminAnswer out{answer_.substr(9, 3), answer_.substr(body + 4)};
    while (!out.body.empty() && out.body.back() == '\n') out.body.pop_back();
    return out;
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

  asio::io_context loop_;
  asio::ip::tcp::socket socket_;
  asio::ip::tcp::endpoint to_;
  std::string request_;
  std::string answer_;
  std::string problem_;
  bool answered_ = false;
};

}  // namespace

Result<AdminAnswer> ask_admin(const Endpoint& admin, const std::string& method,
                              const std::string& path, std::chrono::steady_clock::duration time) {
  return Question(admin, method, path).ask(time);
}

}  // namespace weir::ctl
