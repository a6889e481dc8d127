// SPDX-License-Identifier: Apache-2.0
#include "proxy/xds/type_state.hpp"

#include <unordered_set>
#include <utility>

namespace weir::xds {

void TypeState::unsubscribe(const std::vector<std::string>& names) {
  interest_.want_no_more(names);
  forget(names);
}

void TypeState::open() {
  open_ = true;
  first_ = true;
  interest_.forget_told();
  on_open();
}

void TypeState::close() {
  open_ = false;
  if (interest_.empty()) return;
  ++counts_.attempts;
  ++counts_.failures;
}

void TypeState::drop_unwanted(Response& response) const {
  if (interest_.wants_all()) return;
  std::erase_if(response.added,
                [&](const Resource& resource) { return !interest_.wants(resource.name); });
  std::erase_if(response.removed, [&](const std::string& name) { return !interest_.wants(name); });
}

std::vector<ResourceError> TypeState::apply(Response& response, Consumer& consumer) {
  select(response);
  std::vector<Applied> applied;
  applied.reserve(response.added.size());
  for (const Resource& resource : response.added) {
    interest_.answered(resource.name);
    applied.push_back({resource.name, resource.version});
  }
  for (const std::string& name : response.removed) interest_.answered(name);
  auto refused = consumer.apply(type_, std::move(response.added), response.removed);
  if (!refused.empty()) {
    std::unordered_set<std::string_view> names;
    for (const ResourceError& error : refused) names.insert(error.name);
    std::erase_if(applied, [&](const Applied& one) { return names.contains(one.name); });
  }
  settle(std::move(applied), response.removed);
  return refused;
}

std::string TypeState::receive(Response response, Consumer& consumer) {
  ++counts_.attempts;
  interest_.answered_type();
  for (const std::string& name : response.confirmed) interest_.answered(name);
  std::string complaint = response.refusal;
  if (complaint.empty()) {
    auto errors = std::move(response.errors);
    for (const ResourceError& error : errors) interest_.answered(error.name);
    auto refused = apply(response, consumer);
    errors.insert(errors.end(), std::make_move_iterator(refused.begin()),
                  std::make_move_iterator(refused.end()));
    complaint = describe_errors(errors);
  }
  ++(complaint.empty() ? counts_.successes : counts_.rejections);
  if (complaint.empty()) version_ = std::move(response.version);
  answer(std::move(response.nonce), complaint);
  return complaint;
}

Interest::Expired TypeState::expire(TimePoint now) {
  auto expired = interest_.expire(now);
  counts_.fetch_timeouts += expired.names.size() + (expired.all ? 1 : 0);
  return expired;
}

}  // namespace weir::xds
