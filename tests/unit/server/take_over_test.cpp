// SPDX-License-Identifier: Apache-2.0
#include "proxy/server/take_over.hpp"

#include <sys/socket.h>

#include <memory>
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
                    .on_alone = [] {},
                    .on_refused = [](const std::string&) {}}) {
    take_over_.serve(own_port(), {}, {});
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
                     },
                 .on_refused = [](const std::string&) {}});
  next.follow(std::move((*taken)->connection));
  next.serve(own_port(), (*taken)->take(SocketRole::offer), addresses);
  io.run_for(std::chrono::seconds(10));
  EXPECT_TRUE(alone);
  EXPECT_EQ(old.kept(), addresses);
}

/// What an old one says to `old`, and then what the new one is told.
struct Refused {
  explicit Refused(UniqueFd old)
      : next({.io = io,
              .sockets = [] { return std::vector<TakenSocket>(); },
              .hand_over = [](const auto&, const auto&) {},
              .on_alone = [this] { alone = true; },
              .on_refused = [this](const std::string& why) { reason = why; }}) {
    next.follow(std::move(old));
  }
  asio::io_context io;
  bool alone = false;
  std::string reason;
  TakeOver next;
};

TEST(TakeOver, WhoIsRefusedHearsItBeforeItServes) {
  auto [near, far] = channel();
  Refused refused(std::move(near));
  refused.next.check_old();
  EXPECT_EQ(refused.reason, "");
  ASSERT_TRUE(send_message(far.get(), {Kind::refused, {}, "another one"}, {}));
  far.reset();
  refused.next.check_old();
  EXPECT_EQ(refused.reason, "another one");
}

TEST(TakeOver, WhoIsRefusedWhileItSaysThatItServesHearsIt) {
  auto [near, far] = channel();
  Refused refused(std::move(near));
  ASSERT_TRUE(send_message(far.get(), {Kind::refused, {}, "another one"}, {}));
  refused.next.serve(own_port(), {}, {});
  far.reset();  // what was said is not read: the kernel reports that first
  refused.io.run_for(std::chrono::milliseconds(200));
  EXPECT_EQ(refused.reason, "another one");
  EXPECT_FALSE(refused.alone);
}

TEST(TakeOver, WhoseOldOneDiesFirstIsAlone) {
  auto [near, far] = channel();
  Refused next(std::move(near));
  far.reset();
  next.next.check_old();
  EXPECT_FALSE(next.alone) << "it does not serve yet";
  next.next.serve(own_port(), {}, {});
  EXPECT_TRUE(next.alone);
  EXPECT_EQ(next.reason, "");
}

/// It asks, and has no more to say until it ends.
class Asking {
 public:
  Asking() : connection_(**connect_to_take_over(take_over_name(own_port()), kPatience)) {
    EXPECT_TRUE(send_message(connection_.get(), {Kind::ask, {}, ""}, {}));
  }
  TakeOverMessage::Kind hear() {
    auto packet = receive_packet(connection_.get());
    return packet && *packet ? (*packet)->message.kind : Kind::ask;
  }
  void say(TakeOverMessage::Kind kind) {
    EXPECT_TRUE(send_message(connection_.get(), {kind, {}, ""}, {}));
  }

 private:
  static constexpr std::chrono::seconds kPatience{30};
  UniqueFd connection_;
};

TEST(TakeOver, TheNextOneWaitsForATurnAndGetsIt) {
  Endpoint address;
  const UniqueFd socket = listening(address);
  Old old({socket.get()});
  Asking first;
  EXPECT_EQ(first.hear(), Kind::sockets);
  EXPECT_EQ(first.hear(), Kind::end);
  const auto begun = std::chrono::steady_clock::now();
  Asking second;
  EXPECT_EQ(second.hear(), Kind::sockets);
  EXPECT_GE(std::chrono::steady_clock::now() - begun, TakeOver::kTurn / 2);
  EXPECT_EQ(first.hear(), Kind::refused);
  second.say(Kind::serving);
  EXPECT_TRUE(old.kept().empty());
}

TEST(TakeOver, WhoEndsGivesTheTurnAway) {
  Endpoint address;
  const UniqueFd socket = listening(address);
  Old old({socket.get()});
  auto first = std::make_unique<Asking>();
  EXPECT_EQ(first->hear(), Kind::sockets);
  Asking second;
  first.reset();
  EXPECT_EQ(second.hear(), Kind::sockets);
  second.say(Kind::serving);
  EXPECT_TRUE(old.kept().empty());
}

TEST(TakeOver, WhoHasNotBeenGivenAnythingCannotServe) {
  Endpoint address;
  const UniqueFd socket = listening(address);
  Old old({socket.get()});
  Asking first;
  EXPECT_EQ(first.hear(), Kind::sockets);
  EXPECT_EQ(first.hear(), Kind::end);
  Asking second;
  second.say(Kind::serving);
  EXPECT_EQ(second.hear(), Kind::ask) << "the connection is closed";
  first.say(Kind::serving);
  EXPECT_TRUE(old.kept().empty());
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
