// SPDX-License-Identifier: Apache-2.0
// argv and environment → the raw text of each flag, and where it came from.
#pragma once

#include <array>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "common/result.hpp"
#include "init/cli/flag_table.hpp"

namespace weir::init {

/// What the process can look up. Tests put their own in.
struct Environment {
  std::function<std::optional<std::string>(const std::string& name)> variable;
  std::function<Result<std::string>(const std::string& path)> read_file;
};

struct RawValue {
  std::string text;
  std::string source;  // for errors: "--dry-run", "-n" or "environment variable DRY_RUN"
};

/// Text by flag; empty where neither command line nor environment names it.
class RawFlags {
 public:
  [[nodiscard]] const std::optional<RawValue>& get(FlagId id) const { return values_[index(id)]; }
  void set(FlagId id, RawValue value) { values_[index(id)] = std::move(value); }

 private:
  static std::size_t index(FlagId id) { return static_cast<std::size_t>(id); }
  std::array<std::optional<RawValue>, static_cast<std::size_t>(FlagId::count)> values_;
};

/// The command line wins over the environment; the last of several wins
/// on the command line. A variable that is set to nothing counts as not set, except
/// ISTIO_OUTBOUND_OWNER_GROUPS, where nothing means no group.
/// @param arguments argv without the program's name.
Result<RawFlags> read_flags(std::span<const char* const> arguments, const Environment& environment);

}  // namespace weir::init
