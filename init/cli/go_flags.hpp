// SPDX-License-Identifier: Apache-2.0
// The grammar of Go's pflag, which istio-iptables, Kuma and linkerd use: `--name value`,
// `--name=value`, `-n value`, `-nvalue`, `-n=value`, booleans with `=value` only; `-nb80` is
// `-n -b 80`.
// Not CLI11: it reads `--flag= -b x` as --flag "-b" and `-p=1` as -p "=1", so that a value which an
// injector leaves empty would swallow the flag behind it.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "common/result.hpp"
#include "init/cli/flag_table.hpp"

namespace weir::init {

/// Who knows the flags and takes their values.
class FlagSink {
 public:
  virtual ~FlagSink() = default;
  /// By spelling, `--name` or `-n`; absent for one that is not known.
  [[nodiscard]] virtual std::optional<FlagKind> kind_of(std::string_view spelled) const = 0;
  /// A boolean without a value is "true".
  virtual Result<void> store(std::string_view spelled, std::string_view value) = 0;
  /// An argument that is no flag.
  virtual Result<void> word(std::string_view word) = 0;
  /// "; did you mean '--name'?" for an unknown flag, or what else helps.
  [[nodiscard]] virtual std::string remedy(std::string_view spelled) const = 0;
};

/// @param arguments argv without the program's name.
Result<void> read_go_flags(std::span<const char* const> arguments, FlagSink& sink);

}  // namespace weir::init
