// SPDX-License-Identifier: Apache-2.0
#include "init/cli/go_flags.hpp"

namespace weir::init {
namespace {

Error flag_error(std::string_view flag, std::string_view reason) {
  return Error{"flag '" + std::string(flag) + "': " + std::string(reason)};
}

class GoFlagReader {
 public:
  GoFlagReader(std::span<const char* const> arguments, FlagSink& sink)
      : rest_(arguments), sink_(sink) {}

  Result<void> read() {
    while (!rest_.empty()) {
      const std::string_view argument = next();
      if (argument == "--" && rest_.empty()) break;
      if (argument.starts_with("--") && argument.size() > 2) {
        TRY_VOID(take_long(argument));
      } else if (argument.starts_with("-") && argument.size() > 1) {
        TRY_VOID(take_shorts(argument));
      } else {
        TRY_VOID(sink_.word(argument));
      }
    }
    return {};
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
    const auto kind = sink_.kind_of(spelled);
    if (!kind) return flag_error(spelled, "unknown" + sink_.remedy(spelled));
    if (equals != std::string_view::npos) return sink_.store(spelled, argument.substr(equals + 1));
    return take_separate(*kind, spelled);
  }

  // Booleans chain, the first flag with a value takes the rest.
  Result<void> take_shorts(std::string_view argument) {
    for (std::string_view letters = argument.substr(1); !letters.empty();) {
      const std::string spelled{'-', letters.front()};
      const auto kind = sink_.kind_of(spelled);
      if (!kind)
        return flag_error(spelled,
                          "unknown (in '" + std::string(argument) + "')" + sink_.remedy(spelled));
      letters.remove_prefix(1);
      if (letters.starts_with('=')) return sink_.store(spelled, letters.substr(1));
      if (*kind == FlagKind::text && !letters.empty()) return sink_.store(spelled, letters);
      TRY_VOID(take_separate(*kind, spelled));
    }
    return {};
  }

  Result<void> take_separate(FlagKind kind, std::string_view spelled) {
    if (kind == FlagKind::boolean) return sink_.store(spelled, "true");
    if (rest_.empty()) return flag_error(spelled, "needs a value");
    return sink_.store(spelled, next());
  }

  std::span<const char* const> rest_;
  FlagSink& sink_;
};

}  // namespace

Result<void> read_go_flags(std::span<const char* const> arguments, FlagSink& sink) {
  return GoFlagReader(arguments, sink).read();
}

}  // namespace weir::init
