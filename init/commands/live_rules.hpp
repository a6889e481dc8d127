// SPDX-License-Identifier: Apache-2.0
// What is in force in this network namespace, for the commands that only look.
#pragma once

#include <memory>
#include <optional>

#include "init/cli/cli.hpp"
#include "init/install/config_chain.hpp"
#include "init/rules/backend.hpp"

namespace weir::init {

struct LiveRules {
  std::unique_ptr<Backend> backend;  // the one that holds our rules, else the one that would
  Observed observed;
  std::optional<KeptConfig> kept;  // what they were installed with, when they say it
  std::string kept_error;          // why they do not
};

Result<LiveRules> read_live_rules(const Options& options);

}  // namespace weir::init
