// SPDX-License-Identifier: Apache-2.0
#include "init/cli/invocation.hpp"

#include "init/cli/command_word.hpp"
#include "init/cli/config_file.hpp"
#include "init/cli/value_parser.hpp"
#include "init/compat/compat.hpp"

namespace weir::init {
namespace {

Result<bool> removes(const Invocation& invocation) {
  if (invocation.command != Command::install) return invocation.command == Command::cleanup;
  const auto& cleanup = invocation.flags.get(FlagId::cleanup_only);
  return cleanup ? parse_boolean(*cleanup) : Result<bool>(false);
}

Result<Invocation> read_own(const Recognised& recognised, const Environment& environment) {
  TRY(SplitCommand split, split_command(recognised.arguments));
  const bool given = split.flags.size() < recognised.arguments.size();
  Invocation invocation{split.command, given, std::move(split.shell), {}, {}};
  TRY(invocation.flags, read_flags(split.flags, environment));
  if (recognised.cleanup)
    invocation.flags.set(FlagId::cleanup_only, RawValue{"true", "istio-clean-iptables"});
  const auto& file = invocation.flags.get(FlagId::config);
  if (!file) return invocation;
  TRY(const bool removal, removes(invocation));
  if (!removal) TRY_VOID(add_config_file(RawValue(*file), environment, invocation.flags));
  return invocation;
}

}  // namespace

Result<Invocation> read_invocation(std::string_view program, std::span<const char* const> arguments,
                                   const Environment& environment) {
  TRY(const Recognised recognised, recognise(program, arguments, environment));
  if (recognised.dialect == Dialect::istio) return read_own(recognised, environment);
  TRY(Translation translation, recognised.dialect == Dialect::kuma
                                   ? translate_kuma(recognised.arguments, environment)
                                   : translate_linkerd(recognised.arguments, environment));
  std::vector<const char*> words;
  for (const std::string& word : translation.words) words.push_back(word.c_str());
  TRY(SplitCommand split, split_command(words));
  if (!split.flags.empty())
    return Error{"argument '" + std::string(split.flags[0]) +
                 "': not expected; see weir-init --help"};
  return Invocation{split.command, !words.empty(), std::move(split.shell),
                    std::move(translation.flags), std::move(translation.notes)};
}

}  // namespace weir::init
