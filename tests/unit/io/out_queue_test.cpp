// SPDX-License-Identifier: Apache-2.0
// OutQueue over real sockets: bytes arrive in order and once, however little the socket takes.
#include "proxy/io/out_queue.hpp"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <random>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "common/unique_fd.hpp"

namespace weir::io {
namespace {

using Status = OutQueue::Status;

/// Two connected sockets; the sending one never blocks and takes little.
class Pair {
 public:
  Pair() {
    int fds[2] = {-1, -1};
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    near = UniqueFd(fds[0]);
    far = UniqueFd(fds[1]);
    const int small = 4096;
    EXPECT_EQ(setsockopt(near.get(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small), 0);
  }
  /// At most `most` bytes of what has arrived.
  std::string read(std::size_t most) const {
    std::string text(most, '\0');
    const ssize_t got = recv(far.get(), text.data(), most, 0);
    text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return text;
  }
  std::string read_all() const {
    std::string all;
    for (std::string piece = read(65536); !piece.empty(); piece = read(65536)) all += piece;
    return all;
  }
  UniqueFd near;
  UniqueFd far;
};

std::string pattern(std::size_t size, std::uint32_t& state) {
  std::string text(size, '\0');
  for (char& c : text) c = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
  return text;
}

TEST(OutQueue, AnEmptyOneHasNothingToSend) {
  const Pair pair;
  BufferPool pool;
  OutQueue queue;
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.flush(pair.near.get(), pool), Status::sent);
  EXPECT_EQ(queue.flush(-1, pool), Status::sent);
}

TEST(OutQueue, QueuedBytesComeBeforeTheTail) {
  const Pair pair;
  BufferPool pool;
  OutQueue queue;
  queue.append("one ", pool);
  std::memcpy(queue.reserve(100, pool), "two ", 4);
  queue.commit(4);
  queue.append("three ", pool);
  EXPECT_EQ(queue.size(), 14u);
  EXPECT_EQ(queue.flush(pair.near.get(), pool, "tail"), Status::sent);
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(pair.read_all(), "one two three tail");
  EXPECT_EQ(queue.flush(pair.near.get(), pool, "alone"), Status::sent);
  EXPECT_EQ(pair.read_all(), "alone");
}

TEST(OutQueue, RoomEndsWithTheBuffer) {
  BufferPool pool;
  OutQueue queue;
  EXPECT_EQ(queue.reserve(kBufferSize + 1, pool), nullptr);
  ASSERT_NE(queue.reserve(kBufferSize, pool), nullptr);
  queue.commit(kBufferSize - 10);
  EXPECT_NE(queue.reserve(10, pool), nullptr);
  EXPECT_EQ(queue.reserve(11, pool), nullptr);
  queue.append("01234567890", pool);           // does not fit: behind it
  EXPECT_EQ(queue.reserve(1, pool), nullptr);  // would come before that
  EXPECT_EQ(queue.size(), kBufferSize + 1);
  queue.release(pool);
  EXPECT_TRUE(queue.empty());
  EXPECT_NE(queue.reserve(kBufferSize, pool), nullptr);
  queue.release(pool);
}

TEST(OutQueue, WhatTheSocketDoesNotTakeOfTheTailIsQueued) {
  const Pair pair;
  BufferPool pool;
  OutQueue queue;
  std::uint32_t state = 1;
  const std::string tail = pattern(500'000, state);
  std::string got;
  Status status = queue.flush(pair.near.get(), pool, tail);
  EXPECT_EQ(status, Status::blocked);
  EXPECT_FALSE(queue.empty());
  while (status == Status::blocked) {
    got += pair.read(3000);
    status = queue.flush(pair.near.get(), pool);
  }
  EXPECT_EQ(status, Status::sent);
  EXPECT_TRUE(queue.empty());
  got += pair.read_all();
  EXPECT_TRUE(got == tail);
}

TEST(OutQueue, ErrorsAreTold) {
  Pair pair;
  BufferPool pool;
  OutQueue queue;
  pair.far.reset();
  EXPECT_EQ(queue.flush(pair.near.get(), pool, "x"), Status::failed);
  EXPECT_EQ(queue.error(), EPIPE);
  queue.append("a", pool);
  EXPECT_EQ(queue.flush(pair.near.get(), pool, "x"), Status::failed);
  EXPECT_EQ(queue.error(), EPIPE);
  EXPECT_EQ(queue.flush(-1, pool), Status::failed);
  EXPECT_EQ(queue.error(), EBADF);
  queue.release(pool);
}

TEST(OutQueue, KeepsTheOrderOfAnySizes) {
  for (std::uint32_t seed = 1; seed <= 20; ++seed) {
    const Pair pair;
    BufferPool pool;
    OutQueue queue;
    std::mt19937 random(seed);
    std::uint32_t state = seed;
    std::string sent;
    std::string got;
    const auto some = [&] {
      constexpr std::size_t kMost[] = {1, 50, 3000, 70000, 200000};
      std::string text = pattern(random() % kMost[random() % 5], state);
      sent += text;
      return text;
    };
    for (int step = 0; step < 80; ++step) {
      switch (random() % 5) {
        case 0:
          queue.append(some(), pool);
          break;
        case 1: {
          const std::size_t room = random() % 5000;
          char* const at = queue.reserve(room, pool);
          if (at == nullptr) break;
          const std::string text = pattern(random() % (room + 1), state);
          std::memcpy(at, text.data(), text.size());
          queue.commit(text.size());
          sent += text;
          break;
        }
        case 2: {
          const std::string tail = some();
          ASSERT_NE(queue.flush(pair.near.get(), pool, tail), Status::failed);
          break;
        }
        case 3: {
          const Status status = queue.flush(pair.near.get(), pool);
          ASSERT_EQ(status == Status::sent, queue.empty());
          break;
        }
        default:
          got += pair.read(random() % 30000 + 1);
          break;
      }
    }
    while (queue.flush(pair.near.get(), pool) == Status::blocked) got += pair.read(100000);
    got += pair.read_all();
    ASSERT_TRUE(got == sent) << seed;
    EXPECT_TRUE(queue.empty());
    queue.release(pool);
  }
}

}  // namespace
}  // namespace weir::io
