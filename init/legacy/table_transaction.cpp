// SPDX-License-Identifier: Apache-2.0
#include "init/legacy/table_transaction.hpp"

#include <algorithm>
#include <cerrno>
#include <memory>
#include <span>

#include "init/legacy/table_change.hpp"
#include "init/legacy/table_error.hpp"

namespace weir::init {
namespace {

constexpr int kAttempts = 5;

struct Change {
  TableName name;
  std::unique_ptr<LegacyTable> table;
  SavedTable before;
  bool adds = false;
};

bool has_chains(const Ruleset& lowered, const TableName& name) {
  const std::string prefix = name.prefix();
  return std::any_of(lowered.chains.begin(), lowered.chains.end(),
                     [&](const Chain& chain) { return chain.name.starts_with(prefix); });
}

Result<void> prepare(Change& change, const Ruleset& lowered) {
  auto table = LegacyTable::open(change.name.family, change.name.table);
  if (!table) return explain_table_error(table.error(), change.name, "reading");
  change.table = *std::move(table);
  change.before = save_table(*change.table, change.name.family);
  const auto removed = remove_own(*change.table);
  if (!removed) return explain_table_error(removed.error(), change.name, "changing");
  const auto added = add_own(*change.table, change.name, lowered);
  if (!added) return explain_table_error(added.error(), change.name, "changing");
  return {};
}

// Somebody without the lock may have changed the table since it was read; then once more.
Result<void> commit(Change& change, const Ruleset& lowered) {
  for (int attempt = 1;; ++attempt) {
    const auto committed = change.table->commit();
    if (committed) return {};
    if (committed.error().code != EAGAIN || attempt == kAttempts)
      return explain_table_error(committed.error(), change.name, "changing");
    TRY_VOID(prepare(change, lowered));
  }
}

Result<void> put_back(const Change& change) {
  for (int attempt = 1;; ++attempt) {
    TRY(const auto table, LegacyTable::open(change.name.family, change.name.table));
    if (same_rules(save_table(*table, change.name.family), change.before, change.name.family))
      return {};
    TRY_VOID(remove_own(*table));
    TRY_VOID(restore_own(*table, change.before));
    const auto committed = table->commit();
    if (committed) return {};
    if (committed.error().code != EAGAIN || attempt == kAttempts) return committed;
  }
}

// @return what is to be added to the error's text.
std::string roll_back(std::span<const Change> changes) {
  std::string failures;
  for (auto change = changes.rbegin(); change != changes.rend(); ++change) {
    // A second try, in case that what failed once was a passing shortage.
    auto restored = put_back(*change);
    if (!restored) restored = put_back(*change);
    if (!restored)
      failures +=
          "; " + change->name.to_string() + " could not be put back: " + restored.error().message;
  }
  return failures;
}

}  // namespace

Result<bool> change_tables(const std::vector<TableName>& tables, const Ruleset& lowered) {
  std::vector<Change> changes;
  bool any = false;
  for (const TableName& name : tables) {
    Change change{name, nullptr, {}, has_chains(lowered, name)};
    TRY_VOID(prepare(change, lowered));
    any = any || !change.before.empty();
    if (change.adds || !change.before.empty()) changes.push_back(std::move(change));
  }
  const auto losing = std::stable_partition(changes.begin(), changes.end(),
                                            [](const Change& change) { return change.adds; });
  std::reverse(losing, changes.end());
  for (std::size_t i = 0; i < changes.size(); ++i) {
    const auto committed = commit(changes[i], lowered);
    if (committed) continue;
    // The one that failed too: the kernel may have taken it before the failure.
    const std::string failures = roll_back(std::span(changes).first(i + 1));
    return Error{committed.error().message + failures, committed.error().code};
  }
  return any;
}

}  // namespace weir::init
