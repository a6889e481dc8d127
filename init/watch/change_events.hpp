// SPDX-License-Identifier: Apache-2.0
// What the kernel tells about changes of its rules and routing, and who made them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/result.hpp"
#include "common/unique_fd.hpp"
#include "init/rules/backend.hpp"

namespace weir::init {

/// What a number of events told.
struct ChangeSummary {
  bool rules = false;             // something in our table
  bool routing = false;           // an IPv6 address, a routing rule or a route
  std::string by;                 // "nft (process 4711)"; empty when the kernel does not say
  std::string program;            // "nft"
  std::vector<OtherNat> new_nat;  // NAT chains of others that came up on our hooks
};

/// Subscriptions of this network namespace. Source: nf_tables_api.c (nf_tables_gen_notify),
/// rtnetlink(7).
class ChangeEvents {
 public:
  static Result<ChangeEvents> open();
  /// Reads all that has come in; does not wait. Events that the kernel could not deliver count as
  /// changes of everything.
  ChangeSummary drain();
  [[nodiscard]] int rules_fd() const { return rules_.get(); }
  [[nodiscard]] int routing_fd() const { return routing_.get(); }

 private:
  UniqueFd rules_;
  UniqueFd routing_;
};

}  // namespace weir::init
