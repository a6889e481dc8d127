// SPDX-License-Identifier: Apache-2.0
// RelayDirection over real TCP sockets on loopback.
#include "proxy/tcp/relay.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <random>
#include <string>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>

#include "common/socket_address.hpp"
#include "common/socket_options.hpp"
#include "common/unique_fd.hpp"

namespace weir::tcp {
namespace {

struct TcpPair {
  UniqueFd outer;  // the peer that the test plays
  UniqueFd inner;  // the relay's end
};

TcpPair tcp_pair() {
  UniqueFd listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  SocketAddress address(Endpoint{*IpAddress::parse("127.0.0.1"), 0});
  EXPECT_EQ(bind(listener.get(), &address.generic, address.length), 0);
  EXPECT_EQ(listen(listener.get(), 1), 0);
  address = SocketAddress(*local_endpoint(listener.get()));
  TcpPair pair;
  pair.outer.reset(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_EQ(connect(pair.outer.get(), &address.generic, address.length), 0);
  pair.inner.reset(accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  EXPECT_TRUE(set_no_delay(pair.outer.get(), true));
  fcntl(pair.outer.get(), F_SETFL, O_NONBLOCK);
  return pair;
}

std::string random_bytes(std::size_t size) {
  std::mt19937 random(static_cast<unsigned>(size));
  std::string bytes(size, '\0');
  for (char& c : bytes) c = static_cast<char>(random());
  return bytes;
}

void wait_readable(int fd) {
  pollfd ready{fd, POLLIN, 0};
  ASSERT_EQ(poll(&ready, 1, 5000), 1);
}

class Relay : public ::testing::Test {
 protected:
  RelayStatus pump(ShortRead short_read = ShortRead::empties_queue, std::size_t limit = 1 << 20) {
    return direction.pump(client.inner.get(), server.inner.get(), resources, short_read, limit);
  }

  // Feeds `bytes` in at the client and takes everything out at the server, pumping in between; then
  // the client sends FIN and the server must see it.
  std::string carry(const std::string& bytes, std::size_t limit = 1 << 20,
                    std::size_t read_size = 1 << 16) {
    std::string got;
    std::string chunk(read_size, '\0');
    std::size_t sent = 0;
    bool closed = false;
    for (int idle = 0; idle < 200000;) {
      bool moved = false;
      if (sent < bytes.size()) {
        const ssize_t n =
            send(client.outer.get(), bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
        if (n > 0) {
          sent += static_cast<std::size_t>(n);
          moved = true;
        }
      } else if (!closed) {
        shutdown(client.outer.get(), SHUT_WR);
        closed = true;
      }
      const RelayStatus status = pump(ShortRead::empties_queue, limit);
      EXPECT_NE(status, RelayStatus::source_failed);
      EXPECT_NE(status, RelayStatus::destination_failed);
      const ssize_t n = recv(server.outer.get(), chunk.data(), chunk.size(), 0);
      if (n > 0) {
        got.append(chunk.data(), static_cast<std::size_t>(n));
        moved = true;
      }
      if (n == 0) {
        saw_end = true;
        return got;
      }
      idle = moved ? 0 : idle + 1;
    }
    return got;
  }

  TcpPair client = tcp_pair();
  TcpPair server = tcp_pair();
  RelayResources resources;
  RelayDirection direction{true};
  bool saw_end = false;
};

TEST_F(Relay, CarriesSmallMessagesAndTheEnd) {
  EXPECT_EQ(carry("hello"), "hello");
  EXPECT_TRUE(saw_end);
  EXPECT_TRUE(direction.finished());
  EXPECT_FALSE(direction.bulk());
  EXPECT_EQ(direction.bytes(), 5u);
}

TEST_F(Relay, CarriesBulkThroughAPipeByteForByte) {
  const std::string bytes = random_bytes(20 * 1024 * 1024);
  EXPECT_TRUE(carry(bytes) == bytes);
  EXPECT_TRUE(saw_end);
  EXPECT_TRUE(direction.bulk());
  EXPECT_EQ(direction.bytes(), bytes.size());
  EXPECT_EQ(direction.buffered(), 0u);
}

TEST_F(Relay, SizesAroundTheBufferArriveWhole) {
  for (const std::size_t size :
       {io::kBufferSize - 1, io::kBufferSize, io::kBufferSize + 1, 3 * io::kBufferSize}) {
    client = tcp_pair();
    server = tcp_pair();
    direction = RelayDirection{true};
    const std::string bytes = random_bytes(size);
    EXPECT_TRUE(carry(bytes) == bytes) << size;
    EXPECT_TRUE(saw_end);
  }
}

TEST_F(Relay, ASlowReaderBlocksTheDirectionAndNothingIsLost) {
  const std::string bytes = random_bytes(8 * 1024 * 1024);
  EXPECT_TRUE(carry(bytes, 1 << 20, 700) == bytes);
  EXPECT_TRUE(saw_end);
}

TEST_F(Relay, ASmallLimitBoundsWhatIsHeldAndKeepsFromSplicing) {
  const std::string bytes = random_bytes(2 * 1024 * 1024);
  EXPECT_TRUE(carry(bytes, 4096) == bytes);
  EXPECT_FALSE(direction.bulk());
}

TEST_F(Relay, BlocksWhenTheDestinationTakesNoMore) {
  const std::string bytes = random_bytes(io::kBufferSize);
  RelayStatus status = RelayStatus::waiting;
  for (int i = 0; i < 1000 && status != RelayStatus::blocked; ++i) {
    [[maybe_unused]] const auto n =
        send(client.outer.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    status = pump();
  }
  EXPECT_EQ(status, RelayStatus::blocked);
  EXPECT_TRUE(direction.blocked());
  EXPECT_GT(direction.buffered(), 0u);
  direction.release(resources);
}

TEST_F(Relay, AShortReadAfterTheFinNeedsNoSecondRead) {
  ASSERT_EQ(send(client.outer.get(), "bye", 3, 0), 3);
  shutdown(client.outer.get(), SHUT_WR);
  wait_readable(client.inner.get());
  EXPECT_EQ(pump(ShortRead::ends_stream), RelayStatus::finished);
  char got[8];
  wait_readable(server.outer.get());
  EXPECT_EQ(recv(server.outer.get(), got, sizeof got, MSG_WAITALL), 3);
  EXPECT_EQ(recv(server.outer.get(), got, sizeof got, 0), 0);
}

TEST_F(Relay, TellsAResetOfTheSource) {
  ASSERT_TRUE(set_reset_on_close(client.outer.get()));
  client.outer.reset();
  wait_readable(client.inner.get());
  EXPECT_EQ(pump(), RelayStatus::source_failed);
  EXPECT_EQ(direction.failure(), ECONNRESET);
}

TEST_F(Relay, DeliversWhatArrivedBeforeAReset) {
  ASSERT_EQ(send(client.outer.get(), "bye", 3, 0), 3);
  ASSERT_TRUE(set_reset_on_close(client.outer.get()));
  client.outer.reset();
  wait_readable(client.inner.get());
  EXPECT_EQ(pump(ShortRead::proves_nothing), RelayStatus::source_failed);
  EXPECT_EQ(direction.bytes(), 3u);
}

TEST_F(Relay, ReadsPastAnUrgentMark) {
  ASSERT_EQ(send(client.outer.get(), "ab", 2, 0), 2);
  ASSERT_EQ(send(client.outer.get(), "!", 1, MSG_OOB), 1);
  ASSERT_EQ(send(client.outer.get(), "cd", 2, 0), 2);
  wait_readable(client.inner.get());
  EXPECT_EQ(pump(ShortRead::proves_nothing), RelayStatus::waiting);
  char got[8];
  wait_readable(server.outer.get());
  EXPECT_EQ(recv(server.outer.get(), got, 4, MSG_WAITALL), 4);
  EXPECT_EQ(std::string(got, 4), "abcd");
}

TEST_F(Relay, TellsAResetOfTheDestination) {
  ASSERT_TRUE(set_reset_on_close(server.outer.get()));
  server.outer.reset();
  wait_readable(server.inner.get());
  ASSERT_EQ(send(client.outer.get(), "x", 1, 0), 1);
  wait_readable(client.inner.get());
  EXPECT_EQ(pump(), RelayStatus::destination_failed);
}

TEST_F(Relay, GivesNoDelayBeforeTheSecondWriteOnly) {
  const auto no_delay = [&] {
    int value = 0;
    socklen_t length = sizeof value;
    getsockopt(server.inner.get(), IPPROTO_TCP, 1 /* TCP_NODELAY */, &value, &length);
    return value != 0;
  };
  for (const bool expected : {false, true}) {
    ASSERT_EQ(send(client.outer.get(), "x", 1, 0), 1);
    wait_readable(client.inner.get());
    EXPECT_EQ(pump(), RelayStatus::waiting);
    EXPECT_EQ(no_delay(), expected);
  }
}

}  // namespace
}  // namespace weir::tcp
