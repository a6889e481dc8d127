// SPDX-License-Identifier: Apache-2.0
// Backend over the tables of iptables-legacy, for kernels without nf_tables.
#pragma once

#include <chrono>

#include "init/legacy/table_name.hpp"
#include "init/legacy/xtables_lock.hpp"
#include "init/rules/backend.hpp"

namespace weir::init {

/// One table of one family changes in one step; several follow one another within a millisecond or
/// so, redirection last when rules come and first when they go. What fails in the middle is taken
/// back. Everything of ours is in chains WEIR_*, entered by one jump from each built-in chain.
class LegacyBackend final : public Backend {
 public:
  /// `lock_timeout`: how long changes wait for the lock of iptables-legacy. EOPNOTSUPP: the kernel
  /// has no legacy tables. Opens nothing else.
  static Result<LegacyBackend> open(std::chrono::milliseconds lock_timeout);

  [[nodiscard]] std::string_view name() const override { return "legacy"; }
  [[nodiscard]] Ruleset represent(const Ruleset& rules) const override;
  /// Looks into tables only that this network namespace has already.
  Result<Observed> read() override;
  Result<void> replace(const Ruleset& desired, const Observed& current) override;
  [[nodiscard]] std::optional<Refusal> last_refusal() const override { return refusal_; }
  Result<void> restore(const Observed& before) override;
  Result<bool> remove() override;
  [[nodiscard]] std::vector<std::string> notices() const override { return notices_; }

 private:
  explicit LegacyBackend(std::chrono::milliseconds lock_timeout) : lock_timeout_(lock_timeout) {}

  Result<XtablesLock> lock();
  Result<bool> write(const Ruleset& lowered);
  [[nodiscard]] std::vector<TableName> present_tables() const;
  void note(const std::string& line);

  std::chrono::milliseconds lock_timeout_;
  // The last rules asked about, and their representation: long lists are asked about three times.
  mutable std::optional<std::pair<Ruleset, Ruleset>> represented_;
  bool u32_ = true;     // the kernel has xt_u32
  bool socket_ = true;  // the kernel has xt_socket
  std::optional<Refusal> refusal_;
  bool ipv6_ = true;  // the kernel has legacy tables for IPv6
  std::vector<std::string> notices_;
};

}  // namespace weir::init
