// SPDX-License-Identifier: Apache-2.0
#include "proxy/xds/discovery_stream.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

#include "proxy/xds/delta_state.hpp"
#include "proxy/xds/sotw_state.hpp"

namespace weir::xds {

DiscoveryStream::DiscoveryStream(StreamOptions options, Consumer& consumer, StreamEvents& events,
                                 Random random)
    : options_(std::move(options)),
      consumer_(consumer),
      events_(events),
      random_(std::move(random)),
      backoff_(options_.retry_base, options_.retry_most) {
  if (options_.rate_limit) tokens_.emplace(*options_.rate_limit);
}

void DiscoveryStream::add_type(ResourceType type, std::chrono::milliseconds fetch_timeout) {
  auto& state = types_[index(type)];
  assert(state == nullptr);
  if (options_.protocol == Protocol::sotw)
    state = std::make_unique<SotwState>(type, fetch_timeout);
  else
    state = std::make_unique<DeltaState>(type, fetch_timeout);
  if (open_) state->open();
}

void DiscoveryStream::subscribe(ResourceType type, const std::vector<std::string>& names,
                                TimePoint now) {
  assert(state_of(type) != nullptr);
  state_of(type)->subscribe(names, now);
}

void DiscoveryStream::unsubscribe(ResourceType type, const std::vector<std::string>& names) {
  assert(state_of(type) != nullptr);
  state_of(type)->unsubscribe(names);
}

bool DiscoveryStream::has_interest() const {
  return std::any_of(types_.begin(), types_.end(),
                     [](const auto& type) { return type != nullptr && !type->interest().empty(); });
}

bool DiscoveryStream::wants_connection(TimePoint now) const {
  return !open_ && (!retry_at_ || *retry_at_ <= now) && has_interest();
}

void DiscoveryStream::on_open() {
  open_ = true;
  node_told_ = false;
  ignored_told_ = false;
  for (Refusal& refusal : refusals_) refusal.until.reset();
  for (const auto& type : types_)
    if (type != nullptr) type->open();
  events_.on_connected();
}

Result<void> DiscoveryStream::on_message(std::string message, TimePoint now) {
  auto decoded = decode_response(options_.protocol, std::move(message));
  if (!decoded) return std::move(decoded.error());
  const auto type = find_resource_type(decoded->type_url);
  TypeState* const state = type ? state_of(*type) : nullptr;
  if (state == nullptr || !state->asked()) {
    // Who sends one such response may send a million.
    if (!std::exchange(ignored_told_, true)) events_.on_ignored(decoded->type_url);
    return {};
  }
  if (!answered_) answered_ = now;
  receive(*state, *std::move(decoded), now);
  return {};
}

void DiscoveryStream::receive(TypeState& type, Response response, TimePoint now) {
  const auto held = dependent(type.type());
  if (held) pause(*held);
  const std::string version = response.version;
  const std::string complaint = type.receive(std::move(response), consumer_);
  if (held) resume(*held);
  if (complaint.empty()) {
    refusals_[index(type.type())] = {};
    return events_.on_accepted(type.type(), version);
  }
  if (options_.protocol == Protocol::sotw) hold_back(type.type(), version, now);
  events_.on_rejected(type.type(), version, complaint);
}

void DiscoveryStream::hold_back(ResourceType type, const std::string& version, TimePoint now) {
  Refusal& refusal = refusals_[index(type)];
  if (refusal.wait.count() == 0 || refusal.version != version) {
    refusal = {version, kFirstHold, std::nullopt};
    return;
  }
  refusal.until = now + refusal.wait;
  refusal.wait = std::min(refusal.wait * 2, kLongestHold);
}

void DiscoveryStream::on_closed(std::string_view reason, TimePoint now) {
  open_ = false;
  next_token_.reset();
  // Who answers and then hangs up, again and again, is no better than who does not answer.
  const auto answered = std::exchange(answered_, std::nullopt);
  if (answered && now - *answered >= backoff_.bound()) backoff_.reset();
  for (const auto& type : types_)
    if (type != nullptr) type->close();
  const auto wait = backoff_.next(random_());
  retry_at_ = now + wait;
  events_.on_disconnected(reason, wait);
}

TypeState* DiscoveryStream::next_to_ask(TimePoint now) const {
  for (const auto& type : types_) {
    if (type == nullptr || paused_[index(type->type())] > 0 || !type->has_request()) continue;
    const auto& until = refusals_[index(type->type())].until;
    if (!until || *until <= now || type->interest().changed()) return type.get();
  }
  return nullptr;
}

std::optional<std::string> DiscoveryStream::next_request(TimePoint now) {
  next_token_.reset();
  TypeState* const type = next_to_ask(now);
  if (type != nullptr && tokens_ && !tokens_->take(now)) {
    next_token_ = tokens_->next();
    count_limited(
        static_cast<std::size_t>(std::count_if(types_.begin(), types_.end(), [](const auto& one) {
          return one != nullptr && one->has_request();
        })));
    return std::nullopt;
  }
  count_limited(0);
  if (type == nullptr) return std::nullopt;
  const bool with_node = !node_told_ || !options_.node_on_first_message_only;
  node_told_ = true;
  return type->take_request(with_node ? &options_.node : nullptr);
}

void DiscoveryStream::count_limited(std::size_t pending) {
  if (std::exchange(limited_, pending) != pending) events_.on_limited(pending);
}

bool DiscoveryStream::takes_messages() const {
  std::size_t unanswered = 0;
  for (const auto& type : types_)
    if (type != nullptr) unanswered += type->unanswered();
  return unanswered < kMostUnanswered;
}

std::optional<TimePoint> DiscoveryStream::deadline() const {
  std::optional<TimePoint> first = next_token_;
  const auto earlier = [&](const std::optional<TimePoint>& other) {
    if (other && (!first || *other < *first)) first = other;
  };
  if (!open_ && has_interest()) earlier(retry_at_);
  for (const auto& type : types_) {
    if (type == nullptr) continue;
    earlier(type->interest().deadline());
    if (type->has_request()) earlier(refusals_[index(type->type())].until);
  }
  return first;
}

void DiscoveryStream::on_time(TimePoint now) {
  if (retry_at_ && *retry_at_ <= now) retry_at_.reset();
  for (const auto& type : types_) {
    if (type == nullptr) continue;
    const auto expired = type->expire(now);
    if (expired.all) consumer_.on_fetch_timeout(type->type(), {});
    if (!expired.names.empty()) consumer_.on_fetch_timeout(type->type(), expired.names);
  }
}

}  // namespace weir::xds
