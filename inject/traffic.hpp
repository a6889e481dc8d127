// SPDX-License-Identifier: Apache-2.0
// Istio's traffic annotations → flags of weir-init, checked as weir-init checks them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/result.hpp"
#include "inject/settings.hpp"

namespace weir::inject {

/// One annotation of traffic.sidecar.istio.io/. False: there is none of that name. Error: the
/// reason alone.
Result<bool> read_traffic(std::string_view word, const std::string& value,
                          TrafficSettings& settings);
/// REDIRECT or TPROXY.
Result<void> read_mode(const std::string& value, TrafficSettings& settings);
/// The command line of weir-init.
std::vector<std::string> init_arguments(const TrafficSettings& settings);

}  // namespace weir::inject
