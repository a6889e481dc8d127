// SPDX-License-Identifier: Apache-2.0
// Backend: how a Ruleset gets into the kernel and back out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/result.hpp"
#include "init/rule.hpp"

namespace weir::init {

/// A NAT chain of somebody else on one of our hooks: it may decide about the connections that we
/// decide about.
struct OtherNat {
  std::string place;  // "table ip nat, chain OUTPUT"
  int priority = 0;   // of chains of equal priority the newer one runs first
  bool operator==(const OtherNat&) const = default;
};

/// What is in the kernel, read at one moment.
struct Observed {
  std::optional<Ruleset> rules;  // absent: nothing of ours is installed
  std::vector<OtherNat> other_nat;
  std::uint32_t generation = 0;  // of the whole rule set; replace() insists that it still holds
};

/// Errors carry errno: EPERM = capability missing, EOPNOTSUPP = kernel feature missing, EBUSY =
/// somebody else's table.
class Backend {
 public:
  virtual ~Backend() = default;
  [[nodiscard]] virtual std::string_view name() const = 0;
  virtual Result<Observed> read() = 0;
  /// Puts `desired` in place of `current`: a packet meets either all of the old
  /// rules or all of the new ones. ERESTART when the kernel's rules are no longer those that
  /// `current` was read from.
  virtual Result<void> replace(const Ruleset& desired, const Observed& current) = 0;
  /// Removes everything of ours and looks that it is gone. @return whether
  /// anything was there.
  virtual Result<bool> remove() = 0;
};

}  // namespace weir::init
