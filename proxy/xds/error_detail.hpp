// SPDX-License-Identifier: Apache-2.0
// What a NACK carries beside the nonce.
#pragma once

#include <string>
#include <utility>

#include "google/rpc/status.pb.h"

namespace weir::xds {

inline constexpr int kGrpcInternal = 13;

inline void fill_error_detail(google::rpc::Status& detail, std::string text) {
  detail.set_code(kGrpcInternal);
  detail.set_message(std::move(text));
}

}  // namespace weir::xds
