// SPDX-License-Identifier: Apache-2.0
#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <unistd.h>

#include "bench/tools/histogram.hpp"
#include "bench/tools/http1.hpp"
#include "bench/tools/http2.hpp"
#include "bench/tools/load.hpp"
#include "bench/tools/protocol.hpp"
#include "bench/tools/window.hpp"

namespace bench {
namespace {

// A request in flight.
struct Exchange {
  std::uint64_t id = 0;
  std::int64_t begun = 0;
  std::size_t received = 0;
  bool ok = false;
  std::array<char, sizeof(std::uint64_t)> start{};
};

struct Run {
  explicit Run(const Flags& flags)
      : window(flags), count(static_cast<std::uint64_t>(flags.number("count", 0))) {}

  Window window;
  Histogram latency;
  std::uint64_t count, sent = 0, done = 0;
  bool over = false;
};

Exchange& exchange_of(nghttp2_session* session, std::int32_t stream) {
  auto* found = static_cast<Exchange*>(nghttp2_session_get_stream_user_data(session, stream));
  if (found == nullptr) fail("a frame of a stream that was never opened");
  return *found;
}

void send_next(nghttp2_session* session, Run& run, Exchange& exchange) {
  if (run.over || (run.count > 0 && run.sent == run.count)) return;
  exchange = Exchange{};
  exchange.id = ++run.sent;
  exchange.begun = now_ns();
  std::string path = "/small/" + std::string(kIdDigits, '0');
  write_id(exchange.id, path.data() + path.size() - kIdDigits);
  const std::array<nghttp2_nv, 6> head = {
      header(":method", "GET"), header(":scheme", "http"),        header(":authority", kAuthority),
      header(":path", path),    header("user-agent", kUserAgent), header("accept", "*/*")};
  if (nghttp2_submit_request(session, nullptr, head.data(), head.size(), nullptr, &exchange) < 0) {
    fail("no stream is left on a connection");
  }
}

int on_header(nghttp2_session* session, const nghttp2_frame* frame, const std::uint8_t* name,
              std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
              std::uint8_t, void*) {
  const std::string_view key(reinterpret_cast<const char*>(name), name_size);
  if (key != ":status") return 0;
  const std::string status(reinterpret_cast<const char*>(value), value_size);
  if (status != "200") fail("reply '" + status + "', not 200");
  exchange_of(session, frame->hd.stream_id).ok = true;
  return 0;
}

int on_data(nghttp2_session* session, std::uint8_t, std::int32_t stream, const std::uint8_t* data,
            std::size_t size, void*) {
  Exchange& exchange = exchange_of(session, stream);
  for (std::size_t i = 0; i < size && exchange.received + i < exchange.start.size(); ++i) {
    exchange.start[exchange.received + i] = static_cast<char>(data[i]);
  }
  exchange.received += size;
  return 0;
}

int on_close(nghttp2_session* session, std::int32_t stream, std::uint32_t error, void* user) {
  Run& run = *static_cast<Run*>(user);
  Exchange& exchange = exchange_of(session, stream);
  if (error != 0) fail(std::string("stream ended: ") + nghttp2_http2_strerror(error));
  std::uint64_t answer = 0;
  std::memcpy(&answer, exchange.start.data(), sizeof answer);
  if (!exchange.ok || exchange.received != kReplySize) fail("stream closed before its reply");
  if (answer != (exchange.id ^ kReplyMask)) fail("reply of another request: bytes were mixed up");
  const std::int64_t now = now_ns();
  if (run.window.is_open()) run.latency.record(now - exchange.begun);
  run.over = run.count > 0 ? ++run.done == run.count : run.over || run.window.advance(now);
  send_next(session, run, exchange);
  return 0;
}

int on_frame(nghttp2_session*, const nghttp2_frame* frame, void*) {
  if (frame->hd.type == NGHTTP2_GOAWAY) fail("the connection was told to end");
  return 0;
}

class Connection {
 public:
  Connection(const sockaddr_in& destination, std::size_t streams, Run& run)
      : fd_(connect_to(destination)), exchanges_(streams) {
    if (fd_ < 0) fail(std::string("connect: ") + std::strerror(errno));
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_client_new(&session_, callbacks, &run);
    nghttp2_session_callbacks_del(callbacks);
    // Windows that no run uses up: their updates are not what is measured.
    const nghttp2_settings_entry window{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kWindow};
    nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, &window, 1);
    nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, kWindow);
    for (Exchange& exchange : exchanges_) send_next(session_, run, exchange);
  }
  ~Connection() {
    nghttp2_session_del(session_);
    close(fd_);
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  int fd() const { return fd_; }
  void write() {
    if (!write_session(session_, fd_)) fail("connection closed before its requests");
  }
  void serve() {
    if (!read_session(session_, fd_)) fail("connection closed before its replies");
    write();
  }

 private:
  static constexpr std::uint32_t kWindow = (1u << 30) - 1;

  int fd_;
  nghttp2_session* session_ = nullptr;
  std::vector<Exchange> exchanges_;
};

}  // namespace

int run_http2(const Flags& flags) {
  Run run(flags);
  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  std::vector<std::unique_ptr<Connection>> connections;
  if (run.count > 0) run.window.open();
  const auto destination = parse_destination(flags.text("to"));
  const auto streams = static_cast<std::size_t>(flags.number("streams", 16));
  for (int i = 0; i < static_cast<int>(flags.number("connections", 16)); ++i) {
    connections.push_back(std::make_unique<Connection>(destination, streams, run));
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = connections.back().get();
    epoll_ctl(epoll, EPOLL_CTL_ADD, connections.back()->fd(), &event);
    connections.back()->write();
  }
  std::array<epoll_event, 64> events;
  while (!run.over) {
    const int count = epoll_wait(epoll, events.data(), static_cast<int>(events.size()), 5000);
    if (count == 0) fail("no reply within 5 s");
    for (int i = 0; i < count && !run.over; ++i) {
      static_cast<Connection*>(events[static_cast<std::size_t>(i)].data.ptr)->serve();
    }
  }
  run.window.close();
  std::printf("{\"operations\":%llu,\"seconds\":%.6f,%s,\"p50_ns\":%llu,\"p99_ns\":%llu}\n",
              static_cast<unsigned long long>(run.latency.total()), run.window.seconds(),
              run.window.cpu().json().c_str(),
              static_cast<unsigned long long>(run.latency.quantile(0.5)),
              static_cast<unsigned long long>(run.latency.quantile(0.99)));
  close(epoll);
  return 0;
}

}  // namespace bench
