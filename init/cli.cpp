// SPDX-License-Identifier: Apache-2.0
#include "init/cli.hpp"

#include <algorithm>
#include <string_view>

#include "init/action_flags.hpp"
#include "init/config_flags.hpp"
#include "init/explain_flags.hpp"
#include "init/flag_reader.hpp"
#include "init/invocation.hpp"
#include "init/value_parser.hpp"

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

void append_flag_help(std::string& text, const Flag& flag) {
  constexpr std::size_t kColumn = 44;
  std::string line = flag.short_name != 0 ? std::string("  -") + flag.short_name + ", " : "      ";
  line += flag.name.empty() ? std::string("(environment only)") : "--" + std::string(flag.name);
  line.resize(std::max(line.size() + 2, kColumn), ' ');
  text += line + std::string(flag.help) + "\n";
  if (!flag.variables.empty()) {
    std::string names(flag.variables);
    if (const auto blank = names.find(' '); blank != std::string::npos) names.insert(blank, ",");
    text += std::string(kColumn, ' ') + "env " + names + "\n";
  }
}

void append_group_help(std::string& text, FlagGroup group, std::string_view title) {
  text += "\n" + std::string(title) + "\n";
  for (const Flag& flag : flag_table())
    if (flag.group == group) append_flag_help(text, flag);
}

}  // namespace

Result<Options> parse_options(std::span<const char* const> arguments,
                              const Environment& environment, std::string_view program) {
  TRY(Invocation invocation, read_invocation(program, arguments, environment));
  const RawFlags& flags = invocation.flags;
  Options options;
  options.command = invocation.command;
  options.shell = std::move(invocation.shell);
  TRY_VOID(read_boolean(flags, FlagId::help, options.help));
  TRY_VOID(read_boolean(flags, FlagId::version, options.version));
  if (options.help || options.version) return options;
  TRY_VOID(read_boolean(flags, FlagId::dry_run, options.dry_run));
  TRY_VOID(read_boolean(flags, FlagId::cleanup_only, options.cleanup_only));
  TRY_VOID(read_boolean(flags, FlagId::skip_rule_apply, options.skip_rule_apply));
  if (const auto& file = flags.get(FlagId::dry_run_file)) options.dry_run_file = file->text;
  TRY_VOID(read_boolean(flags, FlagId::json, options.json));
  // CLEANUP_ONLY in the environment must not turn a question into a removal.
  if (options.command == Command::install && options.cleanup_only)
    options.command = Command::cleanup;
  options.cleanup_only = options.command == Command::cleanup;
  // Cleaning up does not depend on the other flags, so they cannot stand in its way either.
  if (options.cleanup_only) return options;
  TRY_VOID(check_accepted(flags));
  TRY(options.config, read_config(flags, environment));
  TRY_VOID(read_actions(flags, options));
  options.has_config = says_what_is_captured(flags);
  TRY(options.explain, read_explain_flags(flags, environment));
  if (options.command == Command::explain) TRY_VOID(check_query(options.explain));
  options.warnings = config_warnings(flags, options.config);
  for (std::string& note : invocation.notes) options.warnings.push_back(std::move(note));
  return options;
}

std::string help_text() {
  std::string text =
      "weir-init: redirects the TCP connections of this network namespace to a proxy (nftables).\n"
      "Takes the flags and environment variables of istio-iptables; the command line wins.\n"
      "\n"
      "  weir-init -i '*' -b '*' -d 15090,15021,15020    capture everything but three ports\n"
      "  weir-init -i '*' -b '*' --dry-run               print the rules\n"
      "  weir-init --cleanup-only                        remove them\n"
      "\n"
      "Lists are separated by commas. Lists of ports and prefixes may be @FILE: any number of "
      "items\n"
      "a line, '#' starts a comment. (One argument or variable holds 128 KB at most.)\n";
  append_group_help(text, FlagGroup::what, "What is captured [default]:");
  append_group_help(text, FlagGroup::how, "What is done:");
  append_group_help(text, FlagGroup::accepted, "Accepted without effect:");
  append_group_help(text, FlagGroup::explain, "What 'explain' is asked about:");
  text +=
      "\nExit codes: 0 done, or nothing to do; 1 other error; 2 usage; 3 capability missing "
      "(CAP_NET_ADMIN);\n"
      "4 kernel feature missing; 5 conflict (table 'inet weir' belongs to somebody else);\n"
      "6 verification (the kernel holds other rules than were sent).\n";
  return text;
}

}  // namespace weir::init
