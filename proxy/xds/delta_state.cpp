// SPDX-License-Identifier: Apache-2.0
#include "proxy/xds/delta_state.hpp"

#include <utility>

#include "envoy/service/discovery/v3/discovery.pb.h"
#include "proxy/xds/error_detail.hpp"

namespace weir::xds {

bool DeltaState::has_request() const {
  if (!open_) return false;
  if (first_) return !interest_.empty();
  return !answers_.empty() || interest_.changed();
}

std::string DeltaState::take_request(const envoy::config::core::v3::Node* node) {
  envoy::service::discovery::v3::DeltaDiscoveryRequest request;
  request.set_type_url(std::string(type_url(type_)));
  if (node != nullptr) *request.mutable_node() = *node;
  if (first_) {
    for (std::string& name : interest_.names())
      request.add_resource_names_subscribe(std::move(name));
    for (const auto& [name, version] : versions_)
      (*request.mutable_initial_resource_versions())[name] = version;
    interest_.told();
    first_ = false;
  } else if (!answers_.empty()) {
    Answer& answer = answers_.front();
    request.set_response_nonce(std::move(answer.nonce));
    if (!answer.error.empty())
      fill_error_detail(*request.mutable_error_detail(), std::move(answer.error));
    answers_.pop_front();
  } else {
    for (std::string& name : interest_.added())
      request.add_resource_names_subscribe(std::move(name));
    for (std::string& name : interest_.removed())
      request.add_resource_names_unsubscribe(std::move(name));
    interest_.told();
  }
  return request.SerializeAsString();
}

void DeltaState::settle(std::vector<Applied> added, const std::vector<std::string>& removed) {
  for (Applied& one : added)
    if (interest_.wants(one.name)) versions_[std::move(one.name)] = std::move(one.version);
  for (const std::string& name : removed) versions_.erase(name);
}

void DeltaState::answer(std::string nonce, std::string error) {
  answers_.push_back({std::move(nonce), std::move(error)});
}

void DeltaState::forget(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    if (name == kWildcard)
      std::erase_if(versions_, [&](const auto& entry) { return !interest_.wants(entry.first); });
    else if (!interest_.wants(name))
      versions_.erase(name);
  }
}

}  // namespace weir::xds
