// SPDX-License-Identifier: Apache-2.0
#include "init/cli/cli.hpp"

#include <algorithm>
#include <string_view>

#include "init/cli/action_flags.hpp"
#include "init/cli/config_flags.hpp"
#include "init/cli/explain_flags.hpp"
#include "init/cli/flag_reader.hpp"
#include "init/cli/invocation.hpp"
#include "init/cli/value_parser.hpp"

namespace weir::init {
namespace {

// No effect here, but a typing error in them is one.
Result<void> check_accepted(const RawFlags& flags) {
  bool ignored = false;
  for (const FlagId id : {FlagId::dual_stack, FlagId::reconcile, FlagId::force_apply,
                          FlagId::log_json, FlagId::cni_mode})
    TRY_VOID(read_boolean(flags, id, ignored));
  std::uint16_t port = 0;
  TRY_VOID(read_port(flags, FlagId::probe_port, port));
  if (const auto& timeout = flags.get(FlagId::probe_timeout)) {
    TRY([[maybe_unused]] const auto ignored_time, parse_duration(*timeout));
  }
  return {};
}

bool says_what_is_captured(const RawFlags& flags) {
  const auto& table = flag_table();
  return std::any_of(table.begin(), table.end(), [&](const Flag& flag) {
    return flag.group == FlagGroup::what && flags.get(flag.id);
  });
}

}  // namespace

Result<Options> parse_options(std::span<const char* const> arguments,
                              const Environment& environment, std::string_view program) {
  TRY(Invocation invocation, read_invocation(program, arguments, environment));
  const RawFlags& flags = invocation.flags;
  Options options;
  options.command = invocation.command;
  options.command_given = invocation.command_given;
  options.shell = std::move(invocation.shell);
  TRY_VOID(read_boolean(flags, FlagId::help, options.help));
  TRY_VOID(read_boolean(flags, FlagId::version, options.version));
  if (options.help || options.version) return options;
  TRY_VOID(read_boolean(flags, FlagId::dry_run, options.dry_run));
  TRY_VOID(read_boolean(flags, FlagId::cleanup_only, options.cleanup_only));
  TRY_VOID(read_boolean(flags, FlagId::skip_rule_apply, options.skip_rule_apply));
  if (const auto& file = flags.get(FlagId::dry_run_file)) options.dry_run_file = file->text;
  TRY_VOID(read_boolean(flags, FlagId::json, options.json));
  TRY_VOID(read_boolean(flags, FlagId::log_json, options.log_as_json));
  TRY_VOID(read_actions(flags, options));
  // CLEANUP_ONLY in the environment must not turn a question into a removal.
  if (options.command == Command::install && options.cleanup_only)
    options.command = Command::cleanup;
  options.cleanup_only = options.command == Command::cleanup;
  // Cleaning up does not depend on what is captured, so such flags cannot stand in its way either.
  if (options.cleanup_only) return options;
  TRY_VOID(check_accepted(flags));
  TRY(options.config, read_config(flags, environment));
  options.has_config = says_what_is_captured(flags);
  TRY(options.explain, read_explain_flags(flags, environment));
  if (options.command == Command::explain) TRY_VOID(check_query(options.explain));
  options.warnings = config_warnings(flags, options.config);
  for (std::string& note : invocation.notes) options.warnings.push_back(std::move(note));
  return options;
}

}  // namespace weir::init
