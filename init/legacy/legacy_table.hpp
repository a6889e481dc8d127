// SPDX-License-Identifier: Apache-2.0
// One table of one family, over libiptc: a copy of its rules, changed and put in place at once.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/ip.hpp"
#include "common/result.hpp"

namespace weir::init {

/// An entry of a table as libiptc shows it; valid inside the visit.
struct EntryView {
  std::span<const std::uint8_t> bytes;
  std::string_view target;  // libiptc's label
  std::uint64_t packets = 0;
  std::uint64_t byte_count = 0;
};

/// Errors of the changes carry errno; nothing is in force before commit(). Chains are without
/// family and table here (`WEIR_OUTPUT`). libiptc keeps the counters of the rules that stay.
class LegacyTable {
 public:
  virtual ~LegacyTable() = default;
  /// Takes the copy. The kernel creates the table in this network namespace when it is not there
  /// yet. Errors: EPERM, ENOENT (no such table), EAFNOSUPPORT (no such family), ENOPROTOOPT (no
  /// legacy tables).
  static Result<std::unique_ptr<LegacyTable>> open(IpFamily family, const std::string& name);

  virtual std::vector<std::string> chains() = 0;
  virtual bool is_built_in(const std::string& chain) = 0;
  virtual void for_each_entry(const std::string& chain,
                              const std::function<void(const EntryView&)>& visit) = 0;
  virtual Result<void> create_chain(const std::string& chain) = 0;
  /// Empties a chain.
  virtual Result<void> flush_chain(const std::string& chain) = 0;
  /// The chain must be empty and nothing may jump to it.
  virtual Result<void> delete_chain(const std::string& chain) = 0;
  /// The entry as encode_entry() makes it.
  virtual Result<void> append(const std::string& chain, std::span<const std::uint8_t> entry) = 0;
  /// Before the rule with this index.
  virtual Result<void> insert(const std::string& chain, std::span<const std::uint8_t> entry,
                              unsigned index) = 0;
  virtual Result<void> remove_rule(const std::string& chain, unsigned index) = 0;
  /// Sets the counter of a rule that has counted less; libiptc loses all counters when the second
  /// half of commit() fails.
  virtual Result<void> raise_counter(const std::string& chain, unsigned index,
                                     std::uint64_t packets, std::uint64_t bytes) = 0;
  /// EAGAIN: somebody else has changed the table since open().
  virtual Result<void> commit() = 0;
};

}  // namespace weir::init
