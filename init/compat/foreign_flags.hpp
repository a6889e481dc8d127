// SPDX-License-Identifier: Apache-2.0
// The command line of another installer as a table, and the values that it was given. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.hpp"
#include "init/cli/command_line.hpp"
#include "init/cli/config_document.hpp"

namespace weir::init {

/// What becomes of a flag of theirs.
enum class ForeignUse : std::uint8_t {
  meaning,  // the mapping gives it to a flag of ours
  moot,     // it is so anyway, or concerns only how their program works
  idle,     // accepted, but a note says that it has no effect
  refused   // an error when it asks for something
};

struct ForeignFlag {
  std::string_view name;  // without dashes; empty: no flag, the key stands for it
  char short_name = 0;    // 0 = none
  FlagKind kind{};
  ForeignUse use{};
  std::string_view variable;  // environment; empty: none
  std::string_view key;       // in their configuration file, with dots; empty: none
  bool adds_up = false;       // several values count, not the last one alone
  std::string_view nothing;   // idle and refused: the value that asks for nothing
  std::string_view reason;    // idle and refused: why
};

/// The values by flag. A source that wins replaces those of a weaker one altogether.
class ForeignValues {
 public:
  explicit ForeignValues(std::span<const ForeignFlag> table)
      : table_(table), values_(table.size()) {}

  [[nodiscard]] std::span<const ForeignFlag> table() const { return table_; }
  [[nodiscard]] const std::vector<RawValue>& all(const ForeignFlag& flag) const;
  [[nodiscard]] const std::vector<RawValue>& all(std::string_view name) const;
  /// The last one; nullptr without any.
  [[nodiscard]] const RawValue* get(std::string_view name) const;
  /// Of several that add up, with `separator` between them, from the first one's source.
  [[nodiscard]] std::optional<RawValue> joined(std::string_view name,
                                               std::string_view separator) const;
  /// False without a value.
  [[nodiscard]] Result<bool> is_true(std::string_view name, bool otherwise = false) const;

  void add(const ForeignFlag& flag, RawValue value);
  void replace(const ForeignFlag& flag, std::vector<RawValue> values);

 private:
  std::span<const ForeignFlag> table_;
  std::vector<std::vector<RawValue>> values_;
};

/// A command line in their words.
struct ForeignCommandLine {
  ForeignValues values;
  std::vector<std::string> words;  // what is no flag
  RawFlags own;                    // weir-init's own flags beside theirs: those of FlagGroup::how
};

/// Flags of `table` first, then long names of ours where theirs have no such name. Unknown ones are
/// errors with the nearest of their names.
Result<ForeignCommandLine> read_foreign_flags(std::span<const char* const> arguments,
                                              std::span<const ForeignFlag> table);

/// Their variables, and of ours those that begin with WEIR_, where nothing stronger has set a
/// value.
void add_foreign_variables(const Environment& environment, ForeignCommandLine& line);

/// A document of theirs over what earlier documents gave (`weakest`). Unknown keys are errors.
Result<void> add_foreign_document(const ConfigNode& document, std::string_view name,
                                  ForeignValues& weakest);

/// Takes over what `stronger` does not have.
void add_weaker(const ForeignValues& weaker, ForeignValues& stronger);

/// Notes for the idle flags that ask for something. Error for the first refused one that does.
Result<std::vector<std::string>> judge_foreign(const ForeignValues& values);

}  // namespace weir::init
