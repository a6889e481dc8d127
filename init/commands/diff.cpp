// SPDX-License-Identifier: Apache-2.0
#include "init/rules/diff.hpp"

#include "common/json_writer.hpp"
#include "init/cli/canonical_flags.hpp"
#include "init/cli/process.hpp"
#include "init/commands/command.hpp"
#include "init/commands/live_rules.hpp"
#include "init/install/drift.hpp"
#include "init/routing/routing.hpp"

namespace weir::init {
namespace {

struct Difference {
  std::string wanted;              // the flags
  std::vector<std::string> lines;  // of a unified diff
};

// The flags, else what the kernel's rules say that they were installed with.
Result<RedirectConfig> wanted_config(const Options& options, const LiveRules& live) {
  if (options.has_config) return options.config;
  if (live.kept) return live.kept->config;
  if (!live.observed.rules)
    return Error{"nothing of ours is installed, and no flag says what to compare with"};
  return Error{live.kept_error + "; give the flags to compare with"};
}

Result<Difference> find_difference(const Options& options) {
  TRY(LiveRules live, read_live_rules(options));
  TRY(const RedirectConfig config, wanted_config(options, live));
  Ruleset installed;
  if (live.observed.rules)
    installed = *live.observed.rules;
  else
    installed.comment = kTableComment;
  const Drift drift = find_drift(*live.backend, config, installed);
  std::erase_if(installed.chains, is_config_chain);
  Difference difference{shell_text(to_arguments(config)), delta_lines(drift.desired, installed)};
  TRY(const auto routing, routing_drift(plan_routing(config)));
  if (!routing.empty()) difference.lines.emplace_back("@@ routing @@");
  for (const std::string& line : routing) difference.lines.push_back("!" + line);
  return difference;
}

std::string text_of(const Difference& difference) {
  if (difference.lines.empty()) return {};
  std::string text =
      "--- in force in this network namespace\n+++ wanted: " + difference.wanted + "\n";
  for (const std::string& line : difference.lines) text += line + "\n";
  return text;
}

std::string json_of(const Difference& difference) {
  JsonWriter json;
  json.begin_object();
  json.key("equal").boolean(difference.lines.empty());
  json.key("wanted").string(difference.wanted);
  json.key("lines").begin_array();
  for (const std::string& line : difference.lines) json.string(line);
  json.end_array();
  json.end_object();
  return json.take();
}

}  // namespace

int run_diff(const CommandContext& context) {
  const auto difference = find_difference(context.options);
  if (!difference) return fail(difference.error());
  const std::string text = context.options.json ? json_of(*difference) : text_of(*difference);
  if (!write_text("", text)) return static_cast<int>(ExitCode::other);
  return static_cast<int>(difference->lines.empty() ? ExitCode::ok : ExitCode::verification);
}

}  // namespace weir::init
