// SPDX-License-Identifier: Apache-2.0
#include "proxy/xds/sotw_state.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "envoy/service/discovery/v3/discovery.pb.h"
#include "proxy/xds/error_detail.hpp"

namespace weir::xds {

bool SotwState::has_request() const {
  if (!open_) return false;
  // To ask for nothing would be to ask for everything.
  if (first_) return !interest_.empty();
  return unanswered_ > 0 || interest_.changed();
}

std::string SotwState::take_request(const envoy::config::core::v3::Node* node) {
  envoy::service::discovery::v3::DiscoveryRequest request;
  request.set_type_url(std::string(type_url(type_)));
  request.set_version_info(version_);
  request.set_response_nonce(nonce_);
  for (std::string& name : interest_.names()) request.add_resource_names(std::move(name));
  if (!error_.empty())
    fill_error_detail(*request.mutable_error_detail(), std::exchange(error_, {}));
  if (node != nullptr) *request.mutable_node() = *node;
  interest_.told();
  first_ = false;
  unanswered_ = 0;
  return request.SerializeAsString();
}

void SotwState::select(Response& response) {
  drop_unwanted(response);
  if (!is_full_state(type_)) return;
  std::set<std::string> present;
  for (const Resource& resource : response.added) present.insert(resource.name);
  // What is there but bad, or only confirmed, is not gone.
  for (const ResourceError& error : response.errors)
    if (present_.contains(error.name)) present.insert(error.name);
  for (const std::string& name : response.confirmed)
    if (present_.contains(name)) present.insert(name);
  std::set_difference(present_.begin(), present_.end(), present.begin(), present.end(),
                      std::back_inserter(response.removed));
  present_ = std::move(present);
}

void SotwState::answer(std::string nonce, std::string error) {
  nonce_ = std::move(nonce);
  error_ = std::move(error);
  ++unanswered_;
}

void SotwState::forget(const std::vector<std::string>& names) {
  if (interest_.empty()) present_.clear();
  if (interest_.wants_all()) return;
  for (const std::string& name : names) present_.erase(name);
}

void SotwState::on_open() {
  nonce_.clear();
  error_.clear();
  unanswered_ = 0;
}

}  // namespace weir::xds
