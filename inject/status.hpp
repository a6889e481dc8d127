// SPDX-License-Identifier: Apache-2.0
// What an injection did, as the annotation weir.io/status keeps it.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.hpp"
#include "inject/pod_facts.hpp"

namespace weir::inject {

struct Status {
  std::vector<std::string> init_containers;  // names, as in the next three
  std::vector<std::string> containers;
  std::vector<std::string> volumes;
  std::vector<std::string> annotations;
  std::map<std::string, Presence> made;  // lists and maps: what was there before
  std::map<std::string, Presence> set;   // fields that are true now
};

/// JSON in one line.
Result<std::string> write_status(const Status& status);
/// Error for a text that write_status() does not write: nothing but what we add can be named.
Result<Status> read_status(std::string_view text);

}  // namespace weir::inject
