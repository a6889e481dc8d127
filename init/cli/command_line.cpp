// SPDX-License-Identifier: Apache-2.0
#include "init/cli/command_line.hpp"

#include <algorithm>
#include <string_view>
#include <vector>

#include "init/cli/go_flags.hpp"
#include "init/cli/nearest_name.hpp"

namespace weir::init {
namespace {

const Flag* find_flag(std::string_view spelled) {
  for (const Flag& flag : flag_table()) {
    if (spelled.starts_with("--") && !flag.name.empty() && spelled.substr(2) == flag.name)
      return &flag;
    if (spelled.size() == 2 && flag.short_name != 0 && spelled[1] == flag.short_name) return &flag;
  }
  return nullptr;
}

class OwnFlags : public FlagSink {
 public:
  [[nodiscard]] std::optional<FlagKind> kind_of(std::string_view spelled) const override {
    const Flag* flag = find_flag(spelled);
    if (flag == nullptr) return std::nullopt;
    return flag->kind;
  }

  Result<void> store(std::string_view spelled, std::string_view value) override {
    flags.set(find_flag(spelled)->id, RawValue{std::string(value), std::string(spelled)});
    return {};
  }

  Result<void> word(std::string_view word) override {
    return Error{"argument '" + std::string(word) + "': not expected; see weir-init --help"};
  }

  [[nodiscard]] std::string remedy(std::string_view spelled) const override {
    if (spelled.starts_with("--")) {
      std::vector<std::string_view> names;
      for (const Flag& flag : flag_table())
        if (!flag.name.empty()) names.push_back(flag.name);
      const std::string_view near = nearest_name(spelled.substr(2), names);
      if (!near.empty()) return "; did you mean '--" + std::string(near) + "'?";
    }
    return "; see weir-init --help";
  }

  RawFlags flags;
};

void take_environment(const Flag& flag, const Environment& environment, RawFlags& flags) {
  std::string_view names = flag.variables;
  while (!names.empty()) {
    const auto blank = std::min(names.find(' '), names.size());
    const std::string name(names.substr(0, blank));
    names.remove_prefix(std::min(blank + 1, names.size()));
    auto value = environment.variable(name);
    if (!value || (value->empty() && flag.id != FlagId::owner_groups)) continue;
    flags.set(flag.id, RawValue{*std::move(value), "environment variable " + name});
    return;
  }
}

}  // namespace

Result<RawFlags> read_flags(std::span<const char* const> arguments,
                            const Environment& environment) {
  OwnFlags own;
  TRY_VOID(read_go_flags(arguments, own));
  RawFlags flags = std::move(own.flags);
  for (const Flag& flag : flag_table())
    if (!flags.get(flag.id)) take_environment(flag, environment, flags);
  return flags;
}

}  // namespace weir::init
