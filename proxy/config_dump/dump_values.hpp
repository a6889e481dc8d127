// SPDX-License-Identifier: Apache-2.0
// Values that several sections of /config_dump have.
#pragma once

#include <chrono>

#include <google/protobuf/any.pb.h>
#include <google/protobuf/timestamp.pb.h>

#include "envoy/admin/v3/config_dump_shared.pb.h"
#include "proxy/config/config_origin.hpp"
#include "proxy/discovery/resource_store.hpp"

namespace weir::config_dump {

/// Whole milliseconds.
google::protobuf::Timestamp timestamp_of(std::chrono::system_clock::time_point time);

google::protobuf::Any any_of(discovery::ResourceType type, const config::ConfigOrigin& origin);

/// What was refused, why and when.
envoy::admin::v3::UpdateFailureState failure_of(const discovery::ResourceStore::ErrorState& error);
/// A source that could not be used as a whole.
envoy::admin::v3::UpdateFailureState failure_of(
    const discovery::ResourceStore::SourceFailure& failure);

/// Sets `version_info`, `last_updated` and the resource itself, which is `*body`.
template <class State>
void set_state(State& state, google::protobuf::Any* body, discovery::ResourceType type,
               const config::ConfigOrigin& origin) {
  state.set_version_info(origin.version);
  *body = any_of(type, origin);
  *state.mutable_last_updated() = timestamp_of(origin.updated);
}

}  // namespace weir::config_dump
