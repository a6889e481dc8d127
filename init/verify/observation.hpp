// SPDX-License-Identifier: Apache-2.0
// What became of one packet, as far as it can be seen, and whether that is what was expected. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "init/verify/conntrack.hpp"
#include "init/verify/probe.hpp"

namespace weir::init {

enum class Answer : std::uint8_t {
  none,         // nothing came back
  established,  // somebody accepted the connection
  refused       // a reset, or an ICMP error
};

struct Observation {
  std::optional<ConntrackEntry> entry;  // what connection tracking made of it
  Answer answer = Answer::none;
  std::optional<std::uint16_t> listener;  // of ours, that accepted it
  bool operator==(const Observation&) const = default;
};

/// Whether the packet met the fate that the rules say.
bool is_as_expected(const Probe& probe, const Observation& observation);

/// Whether what was not seen yet could make it so. False for one that is certainly elsewhere.
bool can_become_expected(const Probe& probe, const Observation& observation);

/// "redirected to 15001", "direct", "nothing came through", …
std::string describe(const Probe& probe, const Observation& observation);

}  // namespace weir::init
