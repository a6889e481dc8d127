// SPDX-License-Identifier: Apache-2.0
#include "control/session.hpp"

#include <algorithm>

#include "envoy/service/discovery/v3/discovery.pb.h"

namespace weir::control {

std::string_view to_string(SyncState state) {
  switch (state) {
    case SyncState::unused:
      return "-";
    case SyncState::not_sent:
      return "NOT SENT";
    case SyncState::synced:
      return "SYNCED";
    case SyncState::stale:
      return "STALE";
  }
  return "";
}

SyncState TypeStatus::state() const {
  if (!asked) return SyncState::unused;
  if (sent_nonce.empty()) return SyncState::not_sent;
  return sent_nonce == acked_nonce ? SyncState::synced : SyncState::stale;
}

Result<std::optional<ResourceType>> Session::type_of(const std::string& url) const {
  ResourceType type{};
  const bool is_known = type_from_url(url, type);
  if (!only_) {
    if (url.empty()) return Error{"type_url '': an aggregated stream needs one"};
    return is_known ? std::optional(type) : std::nullopt;
  }
  if (url.empty() || (is_known && type == *only_)) return only_;
  return Error{"type_url '" + url + "': this stream serves " + std::string(type_url(*only_))};
}

std::string Session::note_sent(ResourceType type, const std::string& version) {
  TypeStatus& status = status_of(type);
  status.sent_nonce = std::to_string(++last_nonce_);
  status.version = version;
  return status.sent_nonce;
}

bool Session::note_answer(ResourceType type, const std::string& nonce, const std::string* error) {
  TypeStatus& status = status_of(type);
  if (nonce.empty() || nonce != status.sent_nonce) return false;
  if (error != nullptr) {
    status.error = error->empty() ? "refused without a reason" : *error;
  } else {
    status.error.clear();
    status.acked_nonce = nonce;
  }
  return true;
}

Result<std::string> answer_fetch(const std::string& message, std::optional<ResourceType> only,
                                 const ResourceSet& now) {
  envoy::service::discovery::v3::DiscoveryRequest request;
  if (!request.ParseFromString(message)) return Error{"not a DiscoveryRequest"};
  ResourceType type = only.value_or(ResourceType::cluster);
  if (!only && !type_from_url(request.type_url(), type))
    return Error{"type_url '" + request.type_url() + "': not served"};
  envoy::service::discovery::v3::DiscoveryResponse response;
  Resources chosen;
  for (const auto& [name, resource] : now.of(type)) {
    const auto& names = request.resource_names();
    if (!names.empty() && std::find(names.begin(), names.end(), name) == names.end()) continue;
    chosen.emplace(name, resource);
  }
  for (const auto& [name, resource] : chosen) {
    auto& any = *response.add_resources();
    any.set_type_url(std::string(type_url(type)));
    any.set_value(resource->content);
  }
  response.set_type_url(std::string(type_url(type)));
  response.set_version_info(version_of(chosen));
  return response.SerializeAsString();
}

}  // namespace weir::control
