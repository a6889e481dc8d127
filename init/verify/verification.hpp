// SPDX-License-Identifier: Apache-2.0
// Everything that `weir-init verify` looks at: the rules, the routing, and real connections.
#pragma once

#include <string>
#include <vector>

#include "common/result.hpp"
#include "init/rules/backend.hpp"
#include "init/rules/diff.hpp"
#include "init/rules/redirect_config.hpp"
#include "init/verify/proof.hpp"

namespace weir::init {

struct Verification {
  Ruleset plan;
  Diff rules;                        // the kernel's rules against the plan
  std::vector<std::string> routing;  // routing_drift()
  Proof proof;
  std::string not_proved;  // why there is no proof at all; such a verification still passes
  [[nodiscard]] bool passed() const { return rules.empty() && routing.empty() && proof.passed(); }
};

/// Compares what is installed with `plan` and with the routing that `config` asks for, then proves
/// it. The caller holds the lock of the namespace. Error: the kernel could not be read.
Result<Verification> verify_installation(Backend& backend, const Ruleset& plan,
                                         const RedirectConfig& config);

/// One line for each difference, each connection that failed and each thing that could not be
/// tried, and a last one that sums up; the latter says "verified: …" or "verification failed: …".
std::vector<std::string> describe(const Verification& verification, double milliseconds);
/// The same with every connection, as a JSON document.
std::string to_json(const Verification& verification);

}  // namespace weir::init
