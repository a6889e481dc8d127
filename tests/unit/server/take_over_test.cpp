// SPDX-License-Identifier: Apache-2.0
#include "proxy/server/take_over.hpp"

#include <sys/socket.h>

#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <unistd.h>

#include "common/socket_address.hpp"
#include "proxy/server/listening_sockets.hpp"

namespace weir::server {
namespace {

using Kind = TakeOverMessage::Kind;

/// Nobody else's: abstract names are shared by all tests that run in this network namespace.
std::uint16_t own_port() { return static_cast<std::uint16_t>(getpid() % 60000 + 1); }

UniqueFd listening(Endpoint& address) {
  UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_EQ(listen(fd.get(), 1), 0);
  address = *local_endpoint(fd.get());
  return fd;
}

std::pair<UniqueFd, UniqueFd> channel() {
  int ends[2];
  EXPECT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

TEST(TakeOverChannel, BringsDescriptorsWithTheirLines) {
  auto [near, far] = channel();
  Endpoint address;
  const UniqueFd socket = listening(address);
  const TakeOverMessage message{Kind::sockets, {{SocketRole::listener, address, 7}}, ""};
  ASSERT_TRUE(send_message(near.get(), message, {socket.get()}));
  auto packet = receive_packet(far.get());
  ASSERT_TRUE(packet && *packet);
  EXPECT_EQ((*packet)->message, message);
  ASSERT_EQ((*packet)->sockets.size(), 1u);
  EXPECT_TRUE(is_bound_to((*packet)->sockets[0].get(), address));
  EXPECT_FALSE(is_bound_to((*packet)->sockets[0].get(), Endpoint{address.address, 1}));
  EXPECT_EQ(receive_packet(far.get()).error().code, EAGAIN);
  near.reset();
  const auto end = receive_packet(far.get());
  EXPECT_TRUE(end && !*end);
}

TEST(TakeOverChannel, DescriptorsThatNoLineNamesAreRefused) {
  auto [near, far] = channel();
  const int before = dup(near.get());
  close(before);
  ASSERT_TRUE(send_message(near.get(), {Kind::ask, {}, ""}, {near.get()}));
  EXPECT_FALSE(receive_packet(far.get()));
  const TakeOverMessage two{
      Kind::sockets, {{SocketRole::offer, {}, 0}, {SocketRole::offer, {}, 0}}, ""};
  ASSERT_TRUE(send_message(near.get(), two, {near.get()}));
  EXPECT_FALSE(receive_packet(far.get()));
  const int after = dup(near.get());
  close(after);
  EXPECT_EQ(after, before) << "and closed";
}

TEST(TakeOverChannel, OnlyOneHasTheName) {
  const std::string name = take_over_name(own_port());
  auto first = listen_for_take_over(name);
  ASSERT_TRUE(first);
  EXPECT_EQ(listen_for_take_over(name).error().code, EADDRINUSE);
  first->reset();
  EXPECT_TRUE(listen_for_take_over(name));
  const auto nobody = connect_to_take_over(name, std::chrono::seconds(1));
  EXPECT_TRUE(nobody && !*nobody);
}

/// A proxy that runs, on a thread of its own.
class Old {
 public:
  explicit Old(std::vector<int> sockets)
      : take_over_({.io = io_,
                    .sockets =
                        [sockets] {
                          std::vector<TakenSocket> all;
                          for (const int fd : sockets)
                            all.push_back({{SocketRole::listener, *local_endpoint(fd), 1},
                                           UniqueFd(dup(fd))});
                          return all;
                        },
                    .hand_over =
                        [this](const std::vector<ListenAddress>& kept, std::function<void()> done) {
                          kept_ = kept;
                          done();
                        },
                    .on_alone = [] {}}) {
    take_over_.serve(own_port(), std::nullopt, {});
    thread_ = std::thread([this] { io_.run(); });
  }
  ~Old() { thread_.join(); }
  [[nodiscard]] std::vector<ListenAddress> kept() {
    thread_.join();
    thread_ = std::thread([] {});
    return kept_;
  }

 private:
  asio::io_context io_;
  TakeOver take_over_;
  std::vector<ListenAddress> kept_;
  std::thread thread_;
};

TEST(TakeOver, NobodyIsThere) {
  const auto taken = take_over(own_port());
  EXPECT_TRUE(taken && !*taken);
}

TEST(TakeOver, SocketsOfHundredsOfListenersGoOverAndWhatIsKeptIsSaid) {
  std::vector<UniqueFd> sockets;
  std::vector<int> borrowed;
  std::vector<ListenAddress> addresses;
  for (int i = 0; i < 300; ++i) {
    Endpoint address;
    sockets.push_back(listening(address));
    borrowed.push_back(sockets.back().get());
    addresses.push_back({address});
  }
  Old old(borrowed);
  {
    auto gone = take_over(own_port());  // dies before it serves
    ASSERT_TRUE(gone && *gone);
  }
  auto taken = take_over(own_port());
  ASSERT_TRUE(taken && *taken);
  EXPECT_EQ((*taken)->sockets.size(), 301u) << "the offer is one of them";
  asio::io_context io;
  bool alone = false;
  TakeOver next({.io = io,
                 .sockets = [] { return std::vector<TakenSocket>(); },
                 .hand_over = [](const auto&, const auto&) {},
                 .on_alone =
                     [&] {
                       alone = true;
                       io.stop();
                     }});
  next.serve(own_port(), *std::move(*taken), addresses);
  io.run_for(std::chrono::seconds(10));
  EXPECT_TRUE(alone);
  EXPECT_EQ(old.kept(), addresses);
}

TEST(TakeOver, SettingsTellSocketsApart) {
  config::ListenerConfig listener;
  config::ListenerAddressConfig address;
  const auto plain = socket_settings(listener, address);
  EXPECT_EQ(plain, socket_settings(listener, address));
  listener.tcp_backlog = 5;
  EXPECT_EQ(plain, socket_settings(listener, address));
  address.ipv4_compat = true;
  const auto both = socket_settings(listener, address);
  EXPECT_NE(both, plain);
  listener.transparent = true;
  EXPECT_NE(socket_settings(listener, address), both);
  listener.transparent = false;
  listener.socket_options.push_back({1, 2, "ab", {}});
  const auto option = socket_settings(listener, address);
  EXPECT_NE(option, both);
  listener.socket_options[0].value = "ac";
  EXPECT_NE(socket_settings(listener, address), option);
}

}  // namespace
}  // namespace weir::server
