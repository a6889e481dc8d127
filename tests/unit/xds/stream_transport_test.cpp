// SPDX-License-Identifier: Apache-2.0
#include "proxy/xds/stream_transport.hpp"

#include <sys/socket.h>

#include <deque>

#include <gtest/gtest.h>

#include "tests/unit/xds/fake_control_plane.hpp"
#include "tests/unit/xds/stream_harness.hpp"

namespace weir::xds {
namespace {

class FakeCluster final : public ClusterView {
 public:
  const std::string& name() const override { return name_; }
  std::shared_ptr<const config::ClusterConfig> config() const override { return current; }
  std::shared_ptr<const upstream::HostSet> hosts() const override { return set; }

  void make() {
    auto made = std::make_shared<config::ClusterConfig>(settings);
    made->name = name_;
    current = made;
    if (set == nullptr) set = std::make_shared<upstream::HostSet>();
  }
  void set_ports(const std::vector<std::uint16_t>& ports) {
    auto made = std::make_shared<upstream::HostSet>();
    for (const auto port : ports) {
      auto& host = hosts_[port];
      if (host == nullptr) {
        host = std::make_shared<upstream::Host>();
        host->address = {*Endpoint::parse("127.0.0.1:" + std::to_string(port))};
      }
      made->hosts.push_back(host);
    }
    set = made;
  }

  config::ClusterConfig settings;
  std::shared_ptr<const config::ClusterConfig> current;
  std::shared_ptr<const upstream::HostSet> set;

 private:
  std::string name_ = "control";
  std::map<std::uint16_t, std::shared_ptr<upstream::Host>> hosts_;
};

class StreamTransportTest : public ::testing::Test {
 protected:
  void SetUp() override {
    cluster_.make();
    cluster_.set_ports({server_->port()});
    at_.now = Clock::now();
    at_.want(kCds, {"*"});
  }
  void TearDown() override {
    if (transport_ != nullptr) transport_->stop();
  }
  void start() {
    transport_ = std::make_shared<StreamTransport>(
        io_, *at_.stream, cluster_,
        GrpcRequest{std::string(method_path(std::nullopt, Protocol::sotw)), "", {}, kMostMessage},
        1);
    transport_->start();
  }
  /// Runs until it is so.
  template <class Condition>
  [[nodiscard]] bool until(Condition condition, std::chrono::milliseconds most = 10s) {
    const auto end = Clock::now() + most;
    while (!condition() && Clock::now() < end) {
      io_.restart();
      io_.run_one_for(10ms);
    }
    return condition();
  }
  void run_for(std::chrono::milliseconds time) {
    static_cast<void>(until([] { return false; }, time));
  }
  /// The next request that the server gets.
  std::string next(FakeControlPlane& server) {
    static_cast<void>(until([&] {
      for (auto& bytes : server.take_requests()) queue_.push_back(std::move(bytes));
      return !queue_.empty();
    }));
    if (queue_.empty()) return "nothing";
    discovery::DiscoveryRequest request;
    const bool parsed = request.ParseFromString(queue_.front());
    queue_.pop_front();
    return parsed ? describe(request) : "no request";
  }
  std::string next() { return next(*server_); }
  bool noted(const std::string& part) {
    return std::any_of(at_.notes.begin(), at_.notes.end(), [&](const std::string& note) {
      return note.find(part) != std::string::npos;
    });
  }
  void send(const discovery::DiscoveryResponse& response) {
    server_->send(response.SerializeAsString());
  }

  asio::io_context io_;
  std::optional<FakeControlPlane> server_{std::in_place, io_};
  StreamHarness at_{Protocol::sotw};
  FakeCluster cluster_;
  std::shared_ptr<StreamTransport> transport_;
  std::deque<std::string> queue_;
};

TEST_F(StreamTransportTest, AsksAndAnswers) {
  start();
  EXPECT_EQ(next(), "cds v= n= [] node=me");
  EXPECT_EQ(server_->path(),
            "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources");
  send(sotw(kCds, "1", "a", {"x"}));
  EXPECT_EQ(next(), "cds v=1 n=a []");
  at_.bad = {{"y", "bad"}};
  send(sotw(kCds, "2", "b", {"x", "y"}));
  EXPECT_EQ(next(), "cds v=1 n=b [] NACK 13 'y': field: bad");
  at_.stream->subscribe(kEds, {"e"}, Clock::now());
  at_.stream->subscribe(kEds, {"f"}, Clock::now());
  transport_->wake();
  EXPECT_EQ(next(), "eds v= n= [e,f]");
  EXPECT_EQ(server_->accepted, 1);
}

TEST_F(StreamTransportTest, AControlPlaneThatDiesOftenLosesNothing) {
  start();
  EXPECT_EQ(next(), "cds v= n= [] node=me");
  for (int i = 1; i <= 100; ++i) {
    const std::string version = std::to_string(i);
    send(sotw(kCds, version, "n", {"x"}));
    ASSERT_EQ(next(), "cds v=" + version + " n=n []");
    const auto port = server_->port();
    server_->close_connection();
    server_.reset();
    server_.emplace(io_, port);
    ASSERT_EQ(next(), "cds v=" + version + " n= [] node=me");
  }
  EXPECT_EQ(at_.applied.size(), 100u);
}

TEST_F(StreamTransportTest, TheEndOfAStreamIsExplainedAndFollowedByAnother) {
  start();
  next();
  server_->end_stream("14", "server%20is not ready");
  EXPECT_EQ(next(), "cds v= n= [] node=me");
  EXPECT_TRUE(noted("disconnected the stream has ended: UNAVAILABLE: server is not ready 0"));
}

TEST_F(StreamTransportTest, HalfAMessageIsNotApplied) {
  start();
  next();
  const auto whole = sotw(kCds, "1", "a", {"x"}).SerializeAsString();
  server_->send_raw(grpc_prefix(whole.size()) + whole.substr(0, whole.size() / 2));
  run_for(50ms);
  server_->close_connection();
  EXPECT_EQ(next(), "cds v= n= [] node=me");
  EXPECT_EQ(at_.applied, Names{});
  EXPECT_TRUE(noted("the control plane closed the connection"));
}

TEST_F(StreamTransportTest, WhatIsNoResponseEndsTheStreamAndNothingElse) {
  start();
  next();
  server_->send("\xff\xff");
  EXPECT_EQ(next(), "cds v= n= [] node=me");
  EXPECT_TRUE(noted("disconnected message of 2 bytes: not a DiscoveryResponse 0"));
  EXPECT_EQ(server_->accepted, 2);
}

TEST_F(StreamTransportTest, FiftyMegabytesArrive) {
  start();
  next();
  auto response = sotw(kCds, "1", "a", {"big"});
  response.mutable_resources(0)->mutable_value()->append(std::string("\x12\x80\x80\x80\x19", 5) +
                                                         std::string(std::size_t{50} << 20, 'x'));
  send(response);
  EXPECT_EQ(next(), "cds v=1 n=a []");
  EXPECT_EQ(at_.applied, Names{"cds +big=1"});
}

TEST_F(StreamTransportTest, AHostThatRefusesIsFollowedByAnother) {
  FakeControlPlane other(io_);
  {
    FakeControlPlane gone(io_);
    cluster_.set_ports({gone.port(), other.port(), gone.port()});
  }
  start();
  EXPECT_EQ(next(other), "cds v= n= [] node=me");
  EXPECT_LE(at_.notes.size(), 2u);  // one failure at most
}

TEST_F(StreamTransportTest, NothingToConnectToIsSaid) {
  cluster_.current = nullptr;
  at_.random = 499;
  start();
  ASSERT_TRUE(until([&] { return !at_.notes.empty(); }));
  EXPECT_EQ(at_.notes[0], "disconnected cluster 'control': there is none of this name 99");
  // It comes with its hosts: nobody waits any longer.
  cluster_.make();
  cluster_.set_ports({});
  transport_->cluster_changed();
  ASSERT_TRUE(until([&] { return at_.notes.size() > 1; }, 300ms));
  EXPECT_EQ(at_.notes[1], "disconnected cluster 'control': it has no host that could be asked 99");
  cluster_.set_ports({server_->port()});
  transport_->cluster_changed();
  ASSERT_TRUE(until([&] { return at_.notes.size() > 2; }, 300ms));
  EXPECT_EQ(next(), "cds v= n= [] node=me");
}

TEST_F(StreamTransportTest, TheConnectionFollowsTheCluster) {
  start();
  next();
  send(sotw(kCds, "1", "a", {"x"}));
  next();
  FakeControlPlane other(io_);
  cluster_.set_ports({other.port(), server_->port()});
  transport_->cluster_changed();  // its host is still there
  run_for(50ms);
  EXPECT_EQ(server_->accepted + other.accepted, 1);
  at_.random = 499;  // nobody waits for that
  cluster_.set_ports({other.port()});
  transport_->cluster_changed();
  EXPECT_EQ(next(other), "cds v=1 n= [] node=me");
  EXPECT_TRUE(noted("disconnected its host has left the cluster"));
  cluster_.make();
  transport_->cluster_changed();
  EXPECT_EQ(next(other), "cds v=1 n= [] node=me");
  EXPECT_TRUE(noted("disconnected the cluster was changed"));
  EXPECT_EQ(other.accepted, 2);
}

TEST_F(StreamTransportTest, TheClusterMayChangeWhileAResponseIsApplied) {
  start();
  next();
  FakeControlPlane other(io_);
  at_.on_apply = [&](ResourceType) {
    cluster_.set_ports({other.port()});
    transport_->cluster_changed();
  };
  send(sotw(kCds, "1", "a", {"x"}));
  EXPECT_EQ(next(other), "cds v=1 n= [] node=me");
}

TEST_F(StreamTransportTest, AStalledControlPlaneIsGivenUpWhenPingsAreConfigured) {
  cluster_.settings.http2.keepalive_interval = 20ms;
  cluster_.settings.http2.keepalive_timeout = 50ms;
  cluster_.make();
  start();
  next();
  run_for(200ms);  // pings are answered
  EXPECT_EQ(server_->accepted, 1);
  server_->deaf = true;
  ASSERT_TRUE(until([&] { return noted("the control plane answers no ping"); }));
  server_->deaf = false;
  EXPECT_EQ(next(), "cds v= n= [] node=me");
}

TEST_F(StreamTransportTest, AHostThatDoesNotAnswerIsGivenUp) {
  asio::ip::tcp::acceptor full(io_);
  full.open(asio::ip::tcp::v4());
  full.bind({asio::ip::address_v4::loopback(), 0});
  full.listen(0);
  // Its queue is full: the kernel drops further attempts.
  std::vector<asio::ip::tcp::socket> filling;
  for (int i = 0; i < 4; ++i) {
    auto& socket = filling.emplace_back(io_);
    socket.async_connect(full.local_endpoint(), [](const std::error_code&) {});
  }
  run_for(50ms);
  cluster_.settings.connect_timeout = 100ms;
  cluster_.make();
  cluster_.set_ports({full.local_endpoint().port()});
  start();
  EXPECT_TRUE(until([&] { return noted(": no answer within 100 ms"); })) << join(at_.notes);
}

TEST_F(StreamTransportTest, RequestsThatAreLimitedComeLater) {
  StreamOptions options;
  options.node.set_id("me");
  options.rate_limit = RateLimit{1, 20};
  DiscoveryStream limited(options, at_, at_, [] { return 0; });
  limited.add_type(kCds, 0ms);
  limited.add_type(kLds, 0ms);
  limited.subscribe(kCds, {"*"}, Clock::now());
  limited.subscribe(kLds, {"*"}, Clock::now());
  const auto transport = std::make_shared<StreamTransport>(io_, limited, cluster_,
                                                           GrpcRequest{"/a/b", "", {}, 1000}, 1);
  const auto begin = Clock::now();
  transport->start();
  EXPECT_EQ(next(), "cds v= n= [] node=me");
  EXPECT_EQ(next(), "lds v= n= [] node=me");
  EXPECT_GE(Clock::now() - begin, 45ms);
  transport->stop();
}

TEST_F(StreamTransportTest, WaitingEndsWithoutAControlPlaneToo) {
  cluster_.current = nullptr;
  StreamOptions options;
  DiscoveryStream stream(options, at_, at_, [] { return 30000; });
  stream.add_type(kCds, 50ms);
  stream.subscribe(kCds, {"*"}, Clock::now());
  const auto transport = std::make_shared<StreamTransport>(io_, stream, cluster_,
                                                           GrpcRequest{"/a/b", "", {}, 1000}, 1);
  transport->start();
  EXPECT_TRUE(until([&] { return noted("timeout cds"); }));
  transport->stop();
}

TEST_F(StreamTransportTest, AfterStopNothingHappens) {
  start();
  transport_->stop();
  run_for(50ms);
  EXPECT_EQ(server_->accepted, 0);
  start();
  next();
  send(sotw(kCds, "1", "a", {"x"}));
  transport_->stop();
  run_for(50ms);
  EXPECT_EQ(at_.applied, Names{});
}

}  // namespace
}  // namespace weir::xds
