// SPDX-License-Identifier: Apache-2.0
// HealthChange: a host that has just become usable or unusable, and why.
#pragma once

#include <memory>
#include <string>

#include "proxy/upstream/host_set.hpp"

namespace weir::upstream {

struct HealthChange {
  std::shared_ptr<const Host> host;
  bool failed = false;  // it was failed just now; false: one reason less not to use it
  std::string what;     // for the log: "ejected for 30000 ms: 5 connects or …"
};

}  // namespace weir::upstream
