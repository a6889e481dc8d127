// SPDX-License-Identifier: Apache-2.0
// What `check` finds before anything is installed. Facts in, findings out: pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "init/explain/listeners.hpp"
#include "init/nft/feature_probe.hpp"
#include "init/rules/backend.hpp"
#include "init/rules/redirect_config.hpp"
#include "init/system/errors.hpp"
#include "init/system/exit_code.hpp"

namespace weir::init {

/// A process of this network namespace, as far as /proc shows it.
struct ProcessFact {
  int pid = 0;
  std::string name;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  bool operator==(const ProcessFact&) const = default;
};

struct PreflightFacts {
  Surroundings surroundings;
  std::string host_evidence;  // why this is the machine's own network namespace; empty: it is not
  bool host_allowed = false;  // --host
  std::string backend;        // that an installation would use
  std::optional<Error> backend_error;
  bool installed = false;               // something of ours
  std::vector<FeatureResult> features;  // of nf_tables
  std::optional<Error> features_error;
  std::optional<Error> refused_rules;  // by the kernel, of these flags
  std::vector<OtherNat> other_nat;
  std::vector<ProcessFact> processes;  // not this one
  std::vector<Listener> listeners;
  std::vector<std::string> ipv6_addresses;   // that reach beyond the link
  std::optional<std::uint32_t> application;  // --uid
};

enum class FindingLevel : std::uint8_t { ok, warning, problem };

struct Finding {
  FindingLevel level{};
  std::string subject;
  std::string text;
  std::string remedy;            // empty when ok
  ExitCode code = ExitCode::ok;  // of a problem
  bool operator==(const Finding&) const = default;
};

std::vector<Finding> judge(const PreflightFacts& facts, const RedirectConfig& config);

/// Of the first problem; ok when there are warnings only.
ExitCode preflight_code(const std::vector<Finding>& findings);
std::string preflight_text(const std::vector<Finding>& findings);
std::string preflight_json(const std::vector<Finding>& findings);

/// From the text of /proc/net/if_inet6: the addresses that are neither loopback nor link-local.
std::vector<std::string> parse_ipv6_addresses(std::string_view text);

/// From the text of /proc/PID/status: name, effective user and group.
std::optional<ProcessFact> parse_process(int pid, std::string_view status);

}  // namespace weir::init
