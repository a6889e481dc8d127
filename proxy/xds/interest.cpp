// SPDX-License-Identifier: Apache-2.0
#include "proxy/xds/interest.hpp"

#include <algorithm>
#include <utility>

namespace weir::xds {

void Interest::want_all(TimePoint now) {
  if (all_) return;
  all_ = true;
  if (fetch_timeout_.count() > 0) all_waiting_ = now + fetch_timeout_;
}

void Interest::want_all_no_more() {
  all_ = false;
  all_waiting_.reset();
}

void Interest::want(const std::vector<std::string>& names, TimePoint now) {
  Batch batch{now + fetch_timeout_, {}};
  for (const std::string& name : names) {
    if (name == kWildcard) {
      want_all(now);
      continue;
    }
    const auto [at, is_new] = names_.try_emplace(name);
    if (!is_new) continue;
    at->second.told = removed_.erase(name) > 0;
    added_.insert(name);
    if (fetch_timeout_.count() <= 0) continue;
    at->second.waiting = batch.deadline;
    batch.names.push_back(name);
  }
  if (!batch.names.empty()) batches_.push_back(std::move(batch));
}

void Interest::want_no_more(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    if (name == kWildcard) {
      want_all_no_more();
      continue;
    }
    const auto at = names_.find(name);
    if (at == names_.end()) continue;
    added_.erase(name);
    if (at->second.told) removed_.insert(name);
    names_.erase(at);
  }
}

std::vector<std::string> Interest::names() const {
  std::vector<std::string> all;
  all.reserve(names_.size() + 1);
  if (all_ && !names_.empty()) all.emplace_back(kWildcard);
  for (const auto& [name, state] : names_) all.push_back(name);
  return all;
}

std::vector<std::string> Interest::added() const {
  std::vector<std::string> names;
  if (all_ && !all_told_) names.emplace_back(kWildcard);
  names.insert(names.end(), added_.begin(), added_.end());
  return names;
}

std::vector<std::string> Interest::removed() const {
  std::vector<std::string> names;
  if (!all_ && all_told_) names.emplace_back(kWildcard);
  names.insert(names.end(), removed_.begin(), removed_.end());
  return names;
}

void Interest::told() {
  for (const std::string& name : added_)
    if (const auto at = names_.find(name); at != names_.end()) at->second.told = true;
  added_.clear();
  removed_.clear();
  all_told_ = all_;
}

void Interest::forget_told() {
  removed_.clear();
  all_told_ = false;
  for (auto& [name, state] : names_) {
    state.told = false;
    added_.insert(name);
  }
}

void Interest::answered(const std::string& name) {
  if (const auto at = names_.find(name); at != names_.end()) at->second.waiting.reset();
}

std::optional<TimePoint> Interest::deadline() const {
  if (batches_.empty()) return all_waiting_;
  if (!all_waiting_) return batches_.front().deadline;
  return std::min(*all_waiting_, batches_.front().deadline);
}

Interest::Expired Interest::expire(TimePoint now) {
  Expired expired;
  if (all_waiting_ && *all_waiting_ <= now) {
    all_waiting_.reset();
    expired.all = true;
  }
  while (!batches_.empty() && batches_.front().deadline <= now) {
    for (std::string& name : batches_.front().names) {
      const auto at = names_.find(name);
      if (at == names_.end() || at->second.waiting != batches_.front().deadline) continue;
      at->second.waiting.reset();
      expired.names.push_back(std::move(name));
    }
    batches_.pop_front();
  }
  return expired;
}

}  // namespace weir::xds
