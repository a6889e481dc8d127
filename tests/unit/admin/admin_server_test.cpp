// SPDX-License-Identifier: Apache-2.0
#include "proxy/admin/admin_server.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <atomic>
#include <thread>

#include <asio/io_context.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/socket_address.hpp"
#include "common/unique_fd.hpp"
#include "fake_source.hpp"
#include "proxy/admin/request_parser.hpp"

namespace weir::admin {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

/// A blocking client; reads fail after some seconds instead of hanging the test.
class Client {
 public:
  explicit Client(const ListenAddress& server)
      : fd_(::socket(server.endpoint.address.is_v4() ? AF_INET : AF_INET6,
                     SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const SocketAddress address(server.endpoint);
    const timeval patience{10, 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    EXPECT_EQ(::connect(fd_.get(), &address.generic, address.length), 0);
  }
  void send(std::string_view bytes) {
    ASSERT_EQ(::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }
  void finish() { ::shutdown(fd_.get(), SHUT_WR); }
  /// One response: head and as much body as its content-length says. "" at the end of the
  /// connection.
  std::string receive() {
    while (buffered_.find("\r\n\r\n") == std::string::npos)
      if (!fill()) return std::exchange(buffered_, "");
    const std::size_t head = buffered_.find("\r\n\r\n") + 4;
    const std::size_t at = buffered_.find("content-length: ") + 16;
    const std::size_t size = head + std::stoul(buffered_.substr(at));
    while (buffered_.size() < size && fill()) {
    }
    std::string out = buffered_.substr(0, size);
    buffered_.erase(0, size);
    return out;
  }

 private:
  bool fill() {
    char bytes[4096];
    const ssize_t size = ::recv(fd_.get(), bytes, sizeof bytes, 0);
    if (size <= 0) return false;
    buffered_.append(bytes, static_cast<std::size_t>(size));
    return true;
  }
  UniqueFd fd_;
  std::string buffered_;
};

class AdminServerTest : public ::testing::Test {
 protected:
  void serve(std::string_view address = "127.0.0.1:0") {
    const auto listening = server_->listen(ListenAddress{*weir::Endpoint::parse(address)});
    ASSERT_TRUE(listening) << listening.error().message;
    address_ = server_->address();
    thread_ = std::thread([this] { io_.run(); });
  }
  /// Stops the loop; what it wrote may be looked at afterwards.
  void stop() {
    if (!thread_.joinable()) return;
    io_.stop();
    thread_.join();
  }
  void TearDown() override {
    stop();
    server_.reset();
  }
  static std::string get(const std::string& target, const std::string& more = "") {
    return "GET " + target + " HTTP/1.1\r\nHost: localhost\r\n" + more + "\r\n";
  }

  FakeSource source_;
  asio::io_context io_;
  std::unique_ptr<AdminServer> server_ = std::make_unique<AdminServer>(io_, source_);
  ListenAddress address_;
  std::thread thread_;
};

TEST_F(AdminServerTest, AnswersAndKeepsTheConnection) {
  serve();
  Client client(address_);
  for (int i = 0; i < 3; ++i) {
    client.send(get("/ready"));
    const std::string response = client.receive();
    EXPECT_THAT(response, StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_TRUE(response.ends_with("\r\n\r\nLIVE\n"));
  }
}

TEST_F(AdminServerTest, AnswersOnIpv6) {
  serve("[::1]:0");
  Client client(address_);
  client.send("GET /ready HTTP/1.1\r\nHost: " + address_.to_string() + "\r\n\r\n");
  EXPECT_THAT(client.receive(), StartsWith("HTTP/1.1 200 OK\r\n"));
}

TEST_F(AdminServerTest, PipelinedRequestsAreAnsweredInOrder) {
  serve();
  Client client(address_);
  client.send(get("/ready") + get("/nowhere") + get("/memory", "Connection: close\r\n"));
  EXPECT_THAT(client.receive(), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(client.receive(), StartsWith("HTTP/1.1 404"));
  EXPECT_THAT(client.receive(), HasSubstr("connection: close"));
  EXPECT_EQ(client.receive(), "");
}

TEST_F(AdminServerTest, RequestsMayArriveByteByByte) {
  serve();
  Client client(address_);
  for (const char c : get("/ready")) client.send(std::string(1, c));
  EXPECT_THAT(client.receive(), StartsWith("HTTP/1.1 200"));
}

TEST_F(AdminServerTest, AHalfClosedClientGetsItsAnswer) {
  serve();
  Client client(address_);
  client.send(get("/ready"));
  client.finish();
  EXPECT_THAT(client.receive(), StartsWith("HTTP/1.1 200"));
  EXPECT_EQ(client.receive(), "");
}

TEST_F(AdminServerTest, OversizedAndMalformedRequestsAreRefusedAndClosed) {
  serve();
  Client large(address_);
  large.send(get("/ready", "A: " + std::string(2 * RequestParser::kMaxHeadBytes, 'a') + "\r\n"));
  EXPECT_THAT(large.receive(), StartsWith("HTTP/1.1 431 "));
  EXPECT_EQ(large.receive(), "");
  Client odd(address_);
  odd.send("what is this\r\n\r\n");
  EXPECT_THAT(odd.receive(), StartsWith("HTTP/1.1 400 "));
  EXPECT_EQ(odd.receive(), "");
}

TEST_F(AdminServerTest, OnLoopbackOtherHostNamesAreRefused) {
  serve();
  Client client(address_);
  client.send("GET /stats HTTP/1.1\r\nHost: rebound.test\r\n\r\n");
  EXPECT_THAT(client.receive(), StartsWith("HTTP/1.1 403 "));
}

TEST_F(AdminServerTest, OnAllAddressesAnyHostNameIsTaken) {
  serve("0.0.0.0:0");
  address_.endpoint.address = *IpAddress::parse("127.0.0.1");
  Client client(address_);
  client.send("GET /ready HTTP/1.1\r\nHost: pod.test\r\n\r\n");
  EXPECT_THAT(client.receive(), StartsWith("HTTP/1.1 200 "));
}

TEST_F(AdminServerTest, PagesOfOtherOriginsCannotPost) {
  serve();
  Client client(address_);
  client.send(
      "POST /quitquitquit HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.test\r\n"
      "Content-Length: 0\r\n\r\n");
  EXPECT_THAT(client.receive(), StartsWith("HTTP/1.1 403 "));
  stop();
  EXPECT_TRUE(source_.asked.empty());
}

TEST_F(AdminServerTest, QuitIsAnsweredFirst) {
  serve();
  Client client(address_);
  client.send("POST /quitquitquit HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  const std::string response = client.receive();
  EXPECT_TRUE(response.ends_with("OK\n")) << response;
  EXPECT_EQ(client.receive(), "");
  stop();
  EXPECT_THAT(source_.asked, ElementsAre("quit"));
}

TEST_F(AdminServerTest, HeadHasNoBody) {
  serve();
  Client client(address_);
  client.send("HEAD /ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  const std::string response = client.receive();
  EXPECT_THAT(response, HasSubstr("content-length: 5\r\n"));
  EXPECT_TRUE(response.ends_with("\r\n\r\n"));
}

TEST_F(AdminServerTest, ConnectionsAreBoundedAndRoomIsReused) {
  serve();
  std::vector<std::unique_ptr<Client>> held;
  for (std::size_t i = 0; i < AdminServer::kMaxConnections; ++i) {
    held.push_back(std::make_unique<Client>(address_));
    held.back()->send(get("/ready"));
    ASSERT_THAT(held.back()->receive(), StartsWith("HTTP/1.1 200"));
  }
  Client waiting(address_);  // the kernel completes the handshake, we do not accept yet
  waiting.send(get("/memory"));
  held.front()->send(get("/ready"));
  EXPECT_THAT(held.front()->receive(), StartsWith("HTTP/1.1 200"));
  held.pop_back();
  EXPECT_THAT(waiting.receive(), StartsWith("HTTP/1.1 200"));
}

TEST_F(AdminServerTest, CloseEndsConnections) {
  serve();
  Client client(address_);
  client.send(get("/ready"));
  client.receive();
  stop();
  server_->close();
  EXPECT_EQ(client.receive(), "");
}

TEST_F(AdminServerTest, AnotherGoesOnWithItsSocket) {
  serve();
  Client before(address_);
  before.send(get("/ready"));
  before.receive();
  stop();
  UniqueFd socket = server_->duplicate();  // as another process gets it
  ASSERT_TRUE(socket);
  server_->leave_to_other();
  io_.restart();
  io_.poll();
  EXPECT_FALSE(server_->duplicate());
  Client waiting(address_);  // in the queue, for whoever comes
  waiting.send(get("/ready"));
  AdminServer next(io_, source_);
  ASSERT_TRUE(next.adopt(std::move(socket)));
  EXPECT_EQ(next.address(), address_);
  thread_ = std::thread([this] { io_.run(); });
  EXPECT_THAT(waiting.receive(), ::testing::StartsWith("HTTP/1.1 200"));
  before.send(get("/ready"));
  EXPECT_THAT(before.receive(), ::testing::StartsWith("HTTP/1.1 200")) << "it has its connection";
  stop();
}

TEST_F(AdminServerTest, AnAddressInUseIsAnError) {
  serve();
  AdminServer second(io_, source_);
  const auto listening = second.listen(address_);
  ASSERT_FALSE(listening);
  EXPECT_EQ(listening.error().message,
            "admin address '" + address_.to_string() + "': bind: Address already in use");
  EXPECT_EQ(listening.error().code, EADDRINUSE);
}

}  // namespace
}  // namespace weir::admin
