// SPDX-License-Identifier: Apache-2.0
// Backend: how a Ruleset gets into the kernel and back out.
#pragma once

#include <cerrno>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/result.hpp"
#include "init/rules/rule.hpp"

namespace weir::init {

/// A NAT chain of somebody else on one of our hooks: it may decide about the connections that we
/// decide about.
struct OtherNat {
  std::string place;  // "table ip nat, chain OUTPUT"
  int priority = 0;   // of chains of equal priority the newer one runs first
  bool operator==(const OtherNat&) const = default;
};

/// What a rule has counted since it was installed.
struct RuleCounter {
  std::string chain;
  std::size_t rule = 0;  // index in the chain
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;
  bool operator==(const RuleCounter&) const = default;
};

/// What is in the kernel, read at one moment.
struct Observed {
  std::optional<Ruleset> rules;       // absent: nothing of ours is installed
  std::vector<RuleCounter> counters;  // of the rules that count, in the order of `rules`
  std::vector<OtherNat> other_nat;
  std::uint32_t generation = 0;  // of the whole rule set; replace() insists that it still holds
};

/// What a message to the kernel was about.
enum class RulesetPart : std::uint8_t { whole, table, chain, rule, set, elements, map, timeout };
struct Refusal {
  RulesetPart part{};
  std::string name;      // of the object; of a rule: its chain
  std::size_t rule = 0;  // index in the chain
  bool removal = false;  // was to be removed
  int code = 0;          // errno
  bool operator==(const Refusal&) const = default;
};

/// Errors carry errno: EPERM = capability missing, EOPNOTSUPP = kernel feature missing, EBUSY =
/// somebody else's table.
class Backend {
 public:
  virtual ~Backend() = default;
  [[nodiscard]] virtual std::string_view name() const = 0;
  /// `rules` as this backend holds them: what read() gives back when they are in force. The
  /// identity for nftables; legacy tables have no sets, one table per purpose and family, and other
  /// names.
  [[nodiscard]] virtual Ruleset represent(const Ruleset& rules) const = 0;
  virtual Result<Observed> read() = 0;
  /// Puts `desired` (a plan, not its representation) in place of `current`: a packet meets either
  /// all of the old rules or all of the new ones. ERESTART when the kernel's rules are no longer
  /// those that `current` was read from.
  /// After any other error the rules are those of `current` again, unless the text says otherwise.
  virtual Result<void> replace(const Ruleset& desired, const Observed& current) = 0;
  /// What the last replace() failed at, when the kernel named it.
  [[nodiscard]] virtual std::optional<Refusal> last_refusal() const { return std::nullopt; }
  /// Puts back what `before` held, whatever is there now.
  virtual Result<void> restore(const Observed& before) = 0;
  /// What is to be said about the work since this object was made: left out, done without.
  [[nodiscard]] virtual std::vector<std::string> notices() const { return {}; }
  /// From now on nobody but this Backend can change the rules; when it is gone they stay, and
  /// anybody can. Needs rules of ours in force. EOPNOTSUPP where that is not possible.
  virtual Result<void> hold_rules() {
    return Error{"--own-table: " + std::string(name()) + " has no owners", EOPNOTSUPP};
  }
  /// Removes everything of ours and looks that it is gone. @return whether
  /// anything was there.
  virtual Result<bool> remove() = 0;
};

}  // namespace weir::init
