// SPDX-License-Identifier: Apache-2.0
// The chains of one legacy table while they are lowered: names and rules.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "init/rules/rule.hpp"

namespace weir::init {

/// `goto chain`, or RETURN when the name is empty: continuations are passed on by name, and the
/// empty one is the built-in chain behind our jump.
Verdict go_on_in(const std::string& chain);
/// The rule without matches and comment that does so.
Rule go_on_rule(const std::string& chain);

class LoweredTable {
 public:
  /// `prefix`: family and table, `ip/nat/`.
  explicit LoweredTable(std::string prefix) : prefix_(std::move(prefix)) {}

  /// A name that no chain of the table has, made of `base` (`outbound` → `ip/nat/WEIR_OUTBOUND`,
  /// then `ip/nat/WEIR_OUTBOUND_2`).
  std::string new_name(std::string_view base);
  void add(Chain chain) { chains_.push_back(std::move(chain)); }
  [[nodiscard]] const std::string& prefix() const { return prefix_; }
  std::vector<Chain> take() { return std::move(chains_); }

 private:
  std::string prefix_;
  std::map<std::string, unsigned, std::less<>> used_;  // base → names given out
  std::vector<Chain> chains_;
};

}  // namespace weir::init
