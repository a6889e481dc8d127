// SPDX-License-Identifier: Apache-2.0
// DiscoveryStream: one stream to a control plane, for one type or (ADS) for several; again and
// again.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.hpp"
#include "envoy/config/core/v3/base.pb.h"
#include "proxy/xds/pacing.hpp"
#include "proxy/xds/type_state.hpp"

namespace weir::xds {

/// From core.v3.ApiConfigSource.
struct StreamOptions {
  Protocol protocol = Protocol::sotw;
  envoy::config::core::v3::Node node;
  bool node_on_first_message_only = false;
  std::chrono::milliseconds retry_base{100};
  std::chrono::milliseconds retry_most{800};
  std::optional<RateLimit> rate_limit;
};

/// What a log and statistics show.
class StreamEvents {
 public:
  virtual void on_connected() {}
  /// `retry`: from now on.
  virtual void on_disconnected(std::string_view /*reason*/, std::chrono::milliseconds /*retry*/) {}
  virtual void on_accepted(ResourceType /*type*/, std::string_view /*version*/) {}
  /// `version`: of the response, which is not the one in use.
  virtual void on_rejected(ResourceType /*type*/, std::string_view /*version*/,
                           std::string_view /*complaint*/) {}
  /// So many types have requests that wait for the rate limit; 0: none any more.
  virtual void on_limited(std::size_t /*pending*/) {}
  /// A response that nobody asked for: the first of a stream.
  virtual void on_ignored(std::string_view /*type_url*/) {}

 protected:
  ~StreamEvents() = default;
};

/// Sans-I/O: messages in, messages out, time as an argument. After each call that may change
/// something, next_request() is asked until it has nothing, and deadline() for a timer. Main thread
/// only.
class DiscoveryStream {
 public:
  using Random = std::function<std::uint64_t()>;
  using TypeStates = std::array<std::unique_ptr<TypeState>, kResourceTypes.size()>;
  /// More responses than these without an answer (the peer does not read, or requests are limited):
  /// no more messages are wanted.
  static constexpr std::size_t kMostUnanswered = 64;
  /// Some control planes send what was refused again at once, for ever. The answer to the second
  /// of the same version waits that long, then twice that; not longer than a new version should
  /// wait for it.
  static constexpr std::chrono::milliseconds kFirstHold{100};
  static constexpr std::chrono::milliseconds kLongestHold{2000};

  /// `consumer` and `events` outlive the stream.
  DiscoveryStream(StreamOptions options, Consumer& consumer, StreamEvents& events, Random random);
  DiscoveryStream(const DiscoveryStream&) = delete;
  DiscoveryStream& operator=(const DiscoveryStream&) = delete;

  /// The stream serves `type`; before anything else is said of it. `fetch_timeout`:
  /// initial_fetch_timeout; 0 waits for ever.
  void add_type(ResourceType type, std::chrono::milliseconds fetch_timeout);

  /// Names are UTF-8; "*" means all of them. What changes until the next request goes with it in
  /// one. A name that is given up and wanted again in that time is not sent again by every control
  /// plane: its user keeps what it had.
  void subscribe(ResourceType type, const std::vector<std::string>& names, TimePoint now);
  void unsubscribe(ResourceType type, const std::vector<std::string>& names);
  /// Holds the requests of a type back until as many resume(): more changes are about to come.
  void pause(ResourceType type) { ++paused_[index(type)]; }
  void resume(ResourceType type) { --paused_[index(type)]; }

  /// A connection should be made now.
  [[nodiscard]] bool wants_connection(TimePoint now) const;
  void on_open();
  /// Error: what came is no response; the stream must end: on_closed().
  Result<void> on_message(std::string message, TimePoint now);
  /// The stream has ended, or could not be opened.
  void on_closed(std::string_view reason, TimePoint now);
  /// The way to the control plane has changed: connect at once.
  void retry_now() noexcept { retry_at_.reset(); }

  std::optional<std::string> next_request(TimePoint now);
  /// Otherwise the peer is held back.
  [[nodiscard]] bool takes_messages() const;
  /// When on_time() has something to do.
  [[nodiscard]] std::optional<TimePoint> deadline() const;
  void on_time(TimePoint now);

  [[nodiscard]] bool connected() const noexcept { return open_; }
  [[nodiscard]] Protocol protocol() const noexcept { return options_.protocol; }
  /// nullptr: the stream does not serve it.
  [[nodiscard]] const TypeState* find(ResourceType type) const { return types_[index(type)].get(); }

 private:
  /// The last version of a type that was refused.
  struct Refusal {
    std::string version;
    std::chrono::milliseconds wait{0};  // when it comes again
    std::optional<TimePoint> until;     // the answer is held back
  };

  static std::size_t index(ResourceType type) { return static_cast<std::size_t>(type); }
  TypeState* state_of(ResourceType type) { return types_[index(type)].get(); }
  [[nodiscard]] TypeState* next_to_ask(TimePoint now) const;
  [[nodiscard]] bool has_interest() const;
  void receive(TypeState& type, Response response, TimePoint now);
  void count_limited(std::size_t pending);
  void hold_back(ResourceType type, const std::string& version, TimePoint now);

  StreamOptions options_;
  Consumer& consumer_;
  StreamEvents& events_;
  Random random_;
  Backoff backoff_;
  std::optional<TokenBucket> tokens_;
  std::optional<TimePoint> next_token_;  // a request waits until then
  std::size_t limited_ = 0;              // as it was told
  std::optional<TimePoint> retry_at_;
  std::optional<TimePoint> answered_;  // the first time on this stream
  TypeStates types_;
  std::array<int, kResourceTypes.size()> paused_{};
  std::array<Refusal, kResourceTypes.size()> refusals_;
  bool open_ = false;
  bool node_told_ = false;
  bool ignored_told_ = false;
};

}  // namespace weir::xds
