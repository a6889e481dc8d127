// SPDX-License-Identifier: Apache-2.0
// Interest: which resources of one type are wanted, what of that the control plane has yet to be
// told, and what it has not answered in time.
#pragma once

#include <chrono>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace weir::xds {

using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;

/// "*": all resources of a type.
inline constexpr std::string_view kWildcard = "*";

/// A value; time comes in as an argument.
class Interest {
 public:
  /// `fetch_timeout` 0: nobody waits in vain.
  explicit Interest(std::chrono::milliseconds fetch_timeout) : fetch_timeout_(fetch_timeout) {}

  void want_all(TimePoint now);
  void want_all_no_more();
  /// A name that was given up and is wanted again before anybody was told counts as new.
  void want(const std::vector<std::string>& names, TimePoint now);
  void want_no_more(const std::vector<std::string>& names);

  [[nodiscard]] bool wants_all() const noexcept { return all_; }
  [[nodiscard]] bool wants(const std::string& name) const { return all_ || names_.contains(name); }
  [[nodiscard]] bool empty() const noexcept { return !all_ && names_.empty(); }

  // What a request says: everything, with "*" for all beside names; or what has changed since
  // told().
  [[nodiscard]] bool changed() const noexcept {
    return all_ != all_told_ || !added_.empty() || !removed_.empty();
  }
  /// All alone is an empty list: the form that every control plane knows.
  [[nodiscard]] std::vector<std::string> names() const;
  [[nodiscard]] std::vector<std::string> added() const;
  [[nodiscard]] std::vector<std::string> removed() const;
  void told();
  /// A new stream: nothing was told.
  void forget_told();

  /// There is an answer about the name; about the type.
  void answered(const std::string& name);
  void answered_type() noexcept { all_waiting_.reset(); }

  /// When expire() may have something to do.
  [[nodiscard]] std::optional<TimePoint> deadline() const;
  struct Expired {
    bool all = false;
    std::vector<std::string> names;
  };
  Expired expire(TimePoint now);

 private:
  struct Name {
    std::optional<TimePoint> waiting;  // until then
    bool told = false;
  };
  struct Batch {
    TimePoint deadline;
    std::vector<std::string> names;
  };

  std::chrono::milliseconds fetch_timeout_;
  bool all_ = false;
  bool all_told_ = false;
  std::optional<TimePoint> all_waiting_;
  std::map<std::string, Name> names_;
  std::set<std::string> added_;    // not told
  std::set<std::string> removed_;  // told once, not wanted any more
  std::deque<Batch> batches_;      // by deadline
};

}  // namespace weir::xds
