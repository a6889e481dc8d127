// SPDX-License-Identifier: Apache-2.0
#include "proxy/config_dump/dump_values.hpp"

#include <google/protobuf/util/time_util.h>

namespace weir::config_dump {

using envoy::admin::v3::UpdateFailureState;

google::protobuf::Timestamp timestamp_of(std::chrono::system_clock::time_point time) {
  using std::chrono::duration_cast;
  using std::chrono::milliseconds;
  return google::protobuf::util::TimeUtil::MillisecondsToTimestamp(
      duration_cast<milliseconds>(time.time_since_epoch()).count());
}

google::protobuf::Any any_of(discovery::ResourceType type, const config::ConfigOrigin& origin) {
  google::protobuf::Any any;
  any.set_type_url(std::string(discovery::type_url(type)));
  any.set_value(origin.message);
  return any;
}

UpdateFailureState failure_of(const discovery::ResourceStore::ErrorState& error) {
  UpdateFailureState state;
  if (error.body != nullptr) *state.mutable_failed_configuration() = *error.body;
  *state.mutable_last_update_attempt() = timestamp_of(error.time);
  state.set_details(error.text);
  state.set_version_info(error.version);
  return state;
}

UpdateFailureState failure_of(const discovery::ResourceStore::SourceFailure& failure) {
  UpdateFailureState state;
  *state.mutable_last_update_attempt() = timestamp_of(failure.time);
  state.set_details(failure.text);
  return state;
}

}  // namespace weir::config_dump
