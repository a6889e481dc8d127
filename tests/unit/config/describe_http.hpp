// SPDX-License-Identifier: Apache-2.0
// The HTTP part of a Snapshot as text, for golden files.
#pragma once

#include <string>

#include "proxy/config/cluster_config.hpp"
#include "proxy/filters/network/http_connection_manager/hcm_config.hpp"

namespace weir::config::testing {

std::string describe(const filters::HcmConfig& config);
/// Lines of a cluster; none when it says nothing of HTTP and health.
std::string describe_http(const ClusterConfig& config);

}  // namespace weir::config::testing
