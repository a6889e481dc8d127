// SPDX-License-Identifier: Apache-2.0
#include "init/command_line.hpp"

#include <algorithm>
#include <string_view>

namespace weir::init {
namespace {

const Flag* find_long(std::string_view name) {
  for (const Flag& flag : flag_table())
    if (!name.empty() && flag.name == name) return &flag;
  return nullptr;
}

const Flag* find_short(char name) {
  for (const Flag& flag : flag_table())
    if (flag.short_name != 0 && flag.short_name == name) return &flag;
  return nullptr;
}

Error flag_error(std::string_view flag, std::string_view reason) {
  return Error{"flag '" + std::string(flag) + "': " + std::string(reason)};
}

class ArgumentParser {
 public:
  explicit ArgumentParser(std::span<const char* const> arguments) : rest_(arguments) {}

  Result<RawFlags> parse() {
    while (!rest_.empty()) {
      const std::string_view argument = next();
      if (argument == "--" && rest_.empty()) break;
      if (argument.starts_with("--") && argument.size() > 2) {
        TRY_VOID(take_long(argument));
      } else if (argument.starts_with("-") && argument.size() > 1) {
        TRY_VOID(take_shorts(argument));
      } else {
        return Error{"argument '" + std::string(argument) +
                     "': not expected; see weir-init --help"};
      }
    }
    return std::move(flags_);
  }

 private:
  std::string_view next() {
    const std::string_view argument = rest_.front();
    rest_ = rest_.subspan(1);
    return argument;
  }

  Result<void> take_long(std::string_view argument) {
    const auto equals = argument.find('=');
    const std::string_view spelled = argument.substr(0, equals);
    const Flag* flag = find_long(spelled.substr(2));
    if (flag == nullptr) return flag_error(spelled, "unknown; see weir-init --help");
    if (equals != std::string_view::npos) return store(*flag, spelled, argument.substr(equals + 1));
    return take_separate(*flag, spelled);
  }

  // `-nb80` is -n -b 80: booleans chain, the first flag with a value takes the rest.
  Result<void> take_shorts(std::string_view argument) {
    for (std::string_view letters = argument.substr(1); !letters.empty();) {
      const Flag* flag = find_short(letters.front());
      const std::string spelled{'-', letters.front()};
      if (flag == nullptr)
        return flag_error(spelled,
                          "unknown (in '" + std::string(argument) + "'); see weir-init --help");
      letters.remove_prefix(1);
      if (letters.starts_with('=')) return store(*flag, spelled, letters.substr(1));
      if (flag->kind == FlagKind::text && !letters.empty()) return store(*flag, spelled, letters);
      TRY_VOID(take_separate(*flag, spelled));
    }
    return {};
  }

  Result<void> take_separate(const Flag& flag, std::string_view spelled) {
    if (flag.kind == FlagKind::boolean) return store(flag, spelled, "true");
    if (rest_.empty()) return flag_error(spelled, "needs a value");
    return store(flag, spelled, next());
  }

  Result<void> store(const Flag& flag, std::string_view spelled, std::string_view value) {
    flags_.set(flag.id, RawValue{std::string(value), std::string(spelled)});
    return {};
  }

  std::span<const char* const> rest_;
  RawFlags flags_;
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
  TRY(RawFlags flags, ArgumentParser(arguments).parse());
  for (const Flag& flag : flag_table())
    if (!flags.get(flag.id)) take_environment(flag, environment, flags);
  return flags;
}

}  // namespace weir::init
