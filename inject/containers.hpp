// SPDX-License-Identifier: Apache-2.0
// The two containers and the volume that an injection adds, as documents.
#pragma once

#include <string>

#include "inject/node.hpp"
#include "inject/pod_facts.hpp"
#include "inject/settings.hpp"

namespace weir::inject {

Node init_container(const PodSettings& settings);
/// The sidecar: native (an init container that restarts), or one of the containers.
Node proxy_container(const PodFacts& facts, const PodSettings& settings);
/// Of options.config_map.
Node config_volume(const PodSettings& settings);
/// A bootstrap that asks a control plane at HOST:PORT for everything (ADS).
std::string control_bootstrap(const std::string& control);
/// Whether the text is HOST:PORT, an address of IPv6 in brackets.
bool is_host_and_port(const std::string& text);

}  // namespace weir::inject
