// SPDX-License-Identifier: Apache-2.0
// HTTP/2 sessions of both roles: whatever a peer sends, every stream ends once, nothing is heard of
// it afterwards, limits hold, and what we say is made of whole frames.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "proxy/http/http2_session.hpp"

namespace {

using namespace weir::http;
using Clock = Http2Session::Clock;

void require(bool condition) {
  if (!condition) std::abort();
}

/// The fuzzer's bytes, taken from the front. Past the end: zeros.
class Input {
 public:
  explicit Input(std::span<const std::byte> bytes) : bytes_(bytes) {}
  std::uint8_t byte() {
    if (bytes_.empty()) return 0;
    const auto value = static_cast<std::uint8_t>(bytes_.front());
    bytes_ = bytes_.subspan(1);
    return value;
  }
  std::span<const std::byte> take(std::size_t size) {
    const auto taken = bytes_.first(std::min(size, bytes_.size()));
    bytes_ = bytes_.subspan(taken.size());
    return taken;
  }
  [[nodiscard]] bool empty() const { return bytes_.empty(); }

 private:
  std::span<const std::byte> bytes_;
};

constexpr std::size_t kMaxHeaders = 20;
constexpr std::size_t kMaxBytes = 2000;

struct Message {
  explicit Message(ArenaPool& pool) : arena(pool) {}
  Arena arena;
  std::deque<HeaderMap> maps;
  std::size_t held = 0;  // bytes of body not consumed yet
  bool ended = false;
  bool reset = false;
};

class Owner final : public Http2Events {
 public:
  Owner(Http2Session::Role role, const Http2Options& options, std::uint8_t choice)
      : choice_(choice), role_(role) {
    Http2Limits limits;
    limits.headers.max_headers = kMaxHeaders;
    limits.headers.max_bytes = kMaxBytes;
    limits.headers.underscores = static_cast<HttpOptions::Underscores>(choice % 3);
    limits.low_mark = 100;
    session.emplace(role, options, limits, memory_, *this);
  }

  Owner(const Owner&) = delete;
  Owner& operator=(const Owner&) = delete;
  ~Owner() { session.reset(); }  // before its memory

  HeaderMap* on_begin_headers(std::int32_t stream, HeadersKind kind) override {
    if (kind == HeadersKind::request) {
      require(role_ == Http2Session::Role::server && !streams_.contains(stream));
      if (choice_ % 7 == 6) return nullptr;
      begin(stream);
    }
    Message& message = known(stream);
    return &message.maps.emplace_back(message.arena);
  }
  void on_headers(std::int32_t stream, HeadersKind kind, bool end) override {
    Message& message = known(stream);
    const HeaderMap& map = message.maps.back();
    require(map.size() <= kMaxHeaders + 1 && map.bytes() <= kMaxBytes + 64);
    for (const HeaderField& field : map.fields())
      if (!field.removed()) check(field);
    if (kind == HeadersKind::request) require(!map.get(HeaderId::authority).empty());
    message.ended = message.ended || end;
    if (end) answer(stream);
  }
  void on_data(std::int32_t stream, std::span<const std::byte> data) override {
    Message& message = known(stream);
    require(!message.ended && !data.empty());
    message.held += data.size();
    if (choice_ % 2 == 0) session->consume(stream, data.size());
  }
  void on_end_of_stream(std::int32_t stream) override {
    Message& message = known(stream);
    require(!message.ended);
    message.ended = true;
    answer(stream);
  }
  void on_reset(std::int32_t stream, const Http2Reset& reset) override {
    require(!known(stream).reset && !reset.details.empty());
    streams_.at(stream)->reset = true;
  }
  void on_stream_writable(std::int32_t stream) override { require(!known(stream).reset); }
  void on_goaway(std::int32_t, Http2Error) override {}
  void on_ping_ack(std::uint64_t) override {}
  void on_stream_closed(std::int32_t stream, void* owner) override {
    require(owner == &*streams_.at(stream));
    streams_.erase(stream);
  }

  void act(std::uint8_t what, std::span<const std::byte> bytes) {
    const auto stream = pick(what >> 4);
    switch (what & 15) {
      case 0:
        if (role_ == Http2Session::Role::client) request(what >> 7 != 0);
        break;
      case 1:
        session->submit_data(stream, bytes, what >> 7 != 0);
        break;
      case 2:
        session->submit_trailers(stream, fields({{"x-trailer", "1"}, {":path", "/"}}));
        break;
      case 3:
        session->reset(stream, Http2Error::cancel);
        break;
      case 4:
        if (role_ == Http2Session::Role::server)
          session->submit_informational(stream, fields({{":status", "103"}}));
        break;
      case 5:
        session->shutdown_notice();
        break;
      case 6:
        session->goaway();
        break;
      case 7:
        session->ping(what);
        break;
      case 8:
        now += std::chrono::seconds(1);
        break;
      default:
        if (streams_.contains(stream)) session->consume(stream, streams_.at(stream)->held);
        break;
    }
  }

  /// Everything that it has to say; checked to be frames.
  void drain(std::size_t size) {
    std::vector<std::byte> buffer(size);
    for (int turn = 0; turn < 10000; ++turn) {
      const std::size_t written = session->produce(buffer, now);
      require(written <= buffer.size());
      said_.insert(said_.end(), buffer.begin(),
                   buffer.begin() + static_cast<std::ptrdiff_t>(written));
      require(session->active_streams() == streams_.size());
      if (!session->wants_write()) break;
      require(written != 0);
    }
    frames();
  }
  void request(bool end) {
    if (!session->may_open_stream()) return;
    auto message = std::make_unique<Message>(pool_);
    HeaderMap& map = message->maps.emplace_back(message->arena);
    map.add(HeaderId::method, "POST");
    map.add(HeaderId::scheme, "http");
    map.add(HeaderId::path, "/");
    map.add(HeaderId::host, "weir.test");
    map.add(HeaderId::cookie, "a=1");
    const auto stream = session->submit_request(map, end, message.get());
    require(stream > 0);
    streams_.emplace(stream, std::move(message));
  }

  std::optional<Http2Session> session;
  Clock::time_point now{std::chrono::hours(1)};

 private:
  void begin(std::int32_t stream) {
    auto message = std::make_unique<Message>(pool_);
    session->set_user_data(stream, message.get());
    streams_.emplace(stream, std::move(message));
  }
  Message& known(std::int32_t stream) {
    require(streams_.contains(stream));
    Message& message = *streams_.at(stream);
    require(session->user_data(stream) == &message && !message.reset);
    return message;
  }
  void check(const HeaderField& field) {
    for (const char c : field.name) require(c > ' ' && c < 0x7f && !(c >= 'A' && c <= 'Z'));
    for (const char c : field.value) require(c == '\t' || static_cast<unsigned char>(c) >= ' ');
  }
  void answer(std::int32_t stream) {
    if (role_ == Http2Session::Role::client || choice_ % 5 == 4) return;
    const bool body = choice_ % 5 != 0;
    session->submit_headers(
        stream, fields({{":status", "200"}, {"connection", "close"}, {"x-y", "z"}}), !body);
    if (body) session->submit_data(stream, std::as_bytes(std::span(text_)), choice_ % 5 != 3);
  }
  HeaderMap& fields(std::initializer_list<std::pair<const char*, const char*>> list) {
    HeaderMap& map = maps_.emplace_back(arena_);
    for (const auto& [name, value] : list) map.add(name, value);
    return map;
  }
  std::int32_t pick(std::size_t n) {
    if (streams_.empty()) return 1;
    return std::next(streams_.begin(), static_cast<std::ptrdiff_t>(n % streams_.size()))->first;
  }
  void frames() {
    if (role_ == Http2Session::Role::client && !magic_) {
      if (said_.size() < 24) return;
      require(
          std::equal(said_.begin(), said_.begin() + 3, std::as_bytes(std::span("PRI")).begin()));
      said_.erase(said_.begin(), said_.begin() + 24);
      magic_ = true;
    }
    std::size_t at = 0;
    while (said_.size() - at >= 9) {
      const auto byte = [&](std::size_t i) { return static_cast<std::size_t>(said_[at + i]); };
      const std::size_t size = byte(0) << 16 | byte(1) << 8 | byte(2);
      require(size <= 16384 && byte(3) <= 9);
      if (said_.size() - at < 9 + size) break;
      at += 9 + size;
    }
    said_.erase(said_.begin(), said_.begin() + static_cast<std::ptrdiff_t>(at));
    if (!session->wants_write()) require(said_.empty());
  }

  std::uint8_t choice_;
  Http2Session::Role role_;
  bool magic_ = false;
  Http2Memory memory_;
  ArenaPool pool_;
  Arena arena_{pool_};
  std::deque<HeaderMap> maps_;
  std::map<std::int32_t, std::unique_ptr<Message>> streams_;
  std::vector<std::byte> said_;
  std::array<char, 300> text_{};
};

std::vector<std::byte> frame(std::uint8_t type, std::uint8_t flags, std::uint8_t stream,
                             std::span<const std::byte> payload) {
  std::vector<std::byte> bytes{std::byte{0},
                               static_cast<std::byte>(payload.size() >> 8),
                               static_cast<std::byte>(payload.size()),
                               static_cast<std::byte>(type),
                               static_cast<std::byte>(flags),
                               std::byte{0},
                               std::byte{0},
                               std::byte{0},
                               static_cast<std::byte>(stream)};
  bytes.insert(bytes.end(), payload.begin(), payload.end());
  return bytes;
}

/// A request or response head as a client or server would send it.
constexpr std::string_view kRequestHead = "\x83\x86\x84\x41\x04weir";
constexpr std::string_view kResponseHead = "\x88";

void preface(Owner& owner, Http2Session::Role role) {
  static constexpr std::string_view kMagic = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  if (role == Http2Session::Role::server)
    owner.session->receive(std::as_bytes(std::span(kMagic)), owner.now);
  owner.session->receive(frame(4, 0, 0, {}), owner.now);
  owner.session->receive(frame(4, 1, 0, {}), owner.now);
}

/// One step: raw bytes, a frame around bytes, a good head, or an order of the owner.
void step(Owner& owner, Http2Session::Role role, Input& input) {
  const std::uint8_t kind = input.byte();
  const std::size_t size = input.byte();
  switch (kind & 3) {
    case 0:
      owner.session->receive(input.take(size), owner.now);
      break;
    case 1: {
      const std::uint8_t type = input.byte();
      const std::uint8_t flags = input.byte();
      const std::uint8_t stream = input.byte() & 15;
      owner.session->receive(frame(type % 11, flags, stream, input.take(size)), owner.now);
      break;
    }
    case 2: {
      const auto head = role == Http2Session::Role::server ? kRequestHead : kResponseHead;
      std::vector<std::byte> block(std::as_bytes(std::span(head)).begin(),
                                   std::as_bytes(std::span(head)).end());
      const auto more = input.take(size & 31);
      block.insert(block.end(), more.begin(), more.end());
      const auto flags = static_cast<std::uint8_t>(4 | (kind >> 2 & 1));
      owner.session->receive(frame(1, flags, static_cast<std::uint8_t>((kind >> 3) | 1), block),
                             owner.now);
      break;
    }
    default:
      owner.act(static_cast<std::uint8_t>(size), input.take(kind >> 2));
      break;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(std::as_bytes(std::span(data, size)));
  const std::uint8_t setup = input.byte();
  const std::uint8_t choice = input.byte();
  const auto role = (setup & 1) != 0 ? Http2Session::Role::client : Http2Session::Role::server;
  Http2Options options;
  options.stream_error_on_invalid_message = (setup & 2) != 0;
  if ((setup & 4) != 0) {
    options.initial_stream_window = 100;
    options.max_concurrent_streams = 3;
  }
  if ((setup & 8) != 0) options.header_table_size = 0;
  Owner owner(role, options, choice);
  if ((setup & 16) == 0) preface(owner, role);
  if (role == Http2Session::Role::client)
    for (int i = 0; i < 3; ++i) owner.request((choice >> i & 1) != 0);
  const std::size_t buffer = (setup & 32) != 0 ? 1024 : 65536;
  while (!input.empty()) {
    step(owner, role, input);
    if ((setup & 64) == 0) owner.drain(buffer);
  }
  owner.drain(buffer);
  if (owner.session->failed()) require(owner.session->finished() && !owner.session->wants_write());
  return 0;
}
