// SPDX-License-Identifier: Apache-2.0
// FilterWalk: how headers, body and trailers of one direction pass a stream's filters.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "proxy/filters/http/filter.hpp"

namespace weir::filters {

/// One direction of a stream. `Side` calls the filters and takes what comes out at the end:
///   FilterStatus headers(HttpFilter&, bool end_of_stream), data(HttpFilter&, BodyPiece&, bool),
///   trailers(HttpFilter&); void out_headers(bool end_of_stream), out_data(std::string_view, bool),
///   out_trailers(); bool over() (the stream has ended: nothing more), std::size_t buffer_limit(),
///   void too_large(), void hold_peer(bool) (the peer must wait, or need not any more).
/// A filter that waits keeps what arrives behind it, so several may wait at once.
template <class Side>
class FilterWalk {
 public:
  explicit FilterWalk(Side& side) noexcept : side_(&side) {}

  /// The filters in the order of the configuration; `reversed`: this direction meets them
  /// backwards.
  void set_filters(HttpFilter** filters, std::size_t count, bool reversed) noexcept {
    filters_ = filters;
    count_ = count;
    reversed_ = reversed;
  }

  void headers(bool end_of_stream) {
    begun_ = true;
    pass_headers(0, end_of_stream);
  }
  void data(std::string_view bytes, bool end_of_stream) {
    if (count_ == 0)
      side_->out_data(bytes, end_of_stream);
    else
      pass_data(0, bytes, end_of_stream);
  }
  void trailers() { pass_trailers(0); }
  void resume(const HttpFilter& filter) {
    for (std::size_t i = 0; held_ != nullptr && i < count_; ++i)
      if (&at(i) == &filter && held_[i].paused) {
        release(i);
        return;
      }
  }

  /// What a filter that waits with the headers has seen of the body, and all that follows, is for
  /// it to see as a whole. @return false: it does not wait with them.
  bool await_body(const HttpFilter& filter) {
    for (std::size_t i = 0; held_ != nullptr && i < count_; ++i)
      if (&at(i) == &filter && held_[i].paused && held_[i].headers) {
        collect(i);
        return true;
      }
    return false;
  }

  [[nodiscard]] bool begun() const noexcept { return begun_; }
  /// The headers have passed every filter.
  [[nodiscard]] bool headers_out() const noexcept { return headers_out_; }

 private:
  /// What waits behind a filter.
  struct Held {
    std::string bytes;
    std::size_t seen = 0;  // so many of them the filter has had
    bool paused = false;
    bool collecting = false;  // until the whole body is there
    bool headers = false;     // they wait here, too
    bool end = false;         // the body ends behind `bytes`
    bool end_seen = false;
    bool trailers = false;
    bool trailers_seen = false;
  };

  [[nodiscard]] HttpFilter& at(std::size_t i) const noexcept {
    return *filters_[reversed_ ? count_ - 1 - i : i];
  }
  Held& pause(std::size_t i) {
    if (held_ == nullptr) held_ = std::make_unique<Held[]>(count_);
    held_[i].paused = true;
    return held_[i];
  }

  void pass_headers(std::size_t from, bool end_of_stream) {
    for (std::size_t i = from; i < count_; ++i) {
      const FilterStatus status = side_->headers(at(i), end_of_stream);
      if (side_->over() || status == FilterStatus::ended) return;
      if (status == FilterStatus::go_on) continue;
      if (status == FilterStatus::need_body && end_of_stream) {
        if (no_body(i)) continue;
        return;
      }
      Held& held = pause(i);
      held.headers = true;
      held.collecting = status == FilterStatus::need_body;
      held.end = held.end_seen = end_of_stream;
      return;
    }
    headers_out_ = true;
    side_->out_headers(end_of_stream);
  }

  /// The filter wants the body of a message that has none. @return whether the headers may go on
  bool no_body(std::size_t i) {
    BodyPiece piece;
    const FilterStatus status = side_->data(at(i), piece, true);
    if (side_->over() || status == FilterStatus::ended) return false;
    if (status == FilterStatus::go_on && piece.bytes.empty()) return true;
    Held& held = pause(i);
    held.headers = held.end = held.end_seen = true;
    held.bytes = piece.bytes;
    held.seen = held.bytes.size();
    if (status == FilterStatus::go_on) release(i);
    return false;
  }

  void pass_data(std::size_t from, std::string_view bytes, bool end_of_stream) {
    BodyPiece piece;
    piece.bytes = bytes;
    for (std::size_t i = from; i < count_; ++i) {
      if (held_ != nullptr && held_[i].paused) {
        hold(i, piece.bytes, end_of_stream, false);
        return;
      }
      const FilterStatus status = side_->data(at(i), piece, end_of_stream);
      if (side_->over() || status == FilterStatus::ended) return;
      if (status == FilterStatus::go_on) continue;
      pause(i);
      hold(i, piece.bytes, end_of_stream, true);
      return;
    }
    side_->out_data(piece.bytes, end_of_stream);
  }

  void hold(std::size_t i, std::string_view bytes, bool end_of_stream, bool seen) {
    Held& held = held_[i];
    held.bytes.append(bytes);
    if (seen) held.seen = held.bytes.size();
    held.end = held.end || end_of_stream;
    held.end_seen = held.end_seen || (seen && end_of_stream);
    if (held.bytes.size() > side_->buffer_limit()) {
      if (held.collecting) {
        side_->too_large();
        return;
      }
      if (!std::exchange(peer_held_, true)) side_->hold_peer(true);
    }
    if (held.collecting && end_of_stream) collected(i);
  }

  /// From a pause to need_body.
  void collect(std::size_t i) {
    Held& held = held_[i];
    held.collecting = true;
    held.seen = 0;
    held.end_seen = false;
    if (held.bytes.size() > side_->buffer_limit())
      side_->too_large();
    else if (held.end || held.trailers)
      collected(i);
  }

  /// The whole body is there for the filter that has asked for it.
  void collected(std::size_t i) {
    Held& held = held_[i];
    held.collecting = false;
    BodyPiece piece;
    const std::string body = std::move(held.bytes);
    piece.bytes = body;
    const FilterStatus status = side_->data(at(i), piece, !held.trailers);
    if (side_->over() || status == FilterStatus::ended) return;
    held.bytes = piece.bytes;
    held.seen = held.bytes.size();
    held.end_seen = held.end;
    if (status == FilterStatus::go_on) release(i);
  }

  void pass_trailers(std::size_t from) {
    for (std::size_t i = from; i < count_; ++i) {
      if (held_ != nullptr && held_[i].paused) {
        held_[i].trailers = true;
        if (held_[i].collecting) collected(i);
        return;
      }
      const FilterStatus status = side_->trailers(at(i));
      if (side_->over() || status == FilterStatus::ended) return;
      if (status == FilterStatus::go_on) continue;
      Held& held = pause(i);
      held.trailers = held.trailers_seen = true;
      return;
    }
    side_->out_trailers();
  }

  /// What waits behind filter `i` goes on.
  void release(std::size_t i) {
    const Held held = std::exchange(held_[i], Held{});
    if (std::exchange(peer_held_, false)) side_->hold_peer(false);
    if (held.headers) {
      const bool ends = held.end && held.end_seen && held.bytes.empty() && !held.trailers;
      pass_headers(i + 1, ends);
      if (side_->over() || ends) return;
    }
    release_body(i, held);
    if (side_->over() || !held.trailers) return;
    pass_trailers(held.trailers_seen ? i + 1 : i);
  }

  void release_body(std::size_t i, const Held& held) {
    const std::string_view bytes = held.bytes;
    const bool all_seen = held.seen == bytes.size() && (!held.end || held.end_seen);
    if (held.seen > 0 || (all_seen && held.end))
      pass_data(i + 1, bytes.substr(0, held.seen), all_seen && held.end);
    if (side_->over() || all_seen) return;
    pass_data(i, bytes.substr(held.seen), held.end);
  }

  Side* side_;
  HttpFilter** filters_ = nullptr;
  std::size_t count_ = 0;
  std::unique_ptr<Held[]> held_;  // once a filter has waited
  bool reversed_ = false;
  bool begun_ = false;
  bool headers_out_ = false;
  bool peer_held_ = false;
};

}  // namespace weir::filters
