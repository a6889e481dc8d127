// SPDX-License-Identifier: Apache-2.0
#include "init/cli/canonical_flags.hpp"
#include "init/cli/process.hpp"
#include "init/commands/command.hpp"
#include "init/commands/live_rules.hpp"
#include "init/explain/explanation.hpp"
#include "init/explain/listeners.hpp"
#include "init/explain/query_packet.hpp"
#include "init/plan/plan.hpp"

namespace weir::init {
namespace {

struct Rules {
  Ruleset rules;
  RulesOrigin origin;
};

Result<Rules> rules_of(const Options& options) {
  if (options.has_config)
    return Rules{plan_ruleset(options.config),
                 {false, "", true, shell_text(to_arguments(options.config))}};
  TRY(LiveRules live, read_live_rules(options));
  Rules rules;
  rules.origin = {true, std::string(live.backend->name()), live.observed.rules.has_value(), ""};
  if (live.kept) rules.origin.flags = live.kept->version + " " + shell_text(live.kept->arguments);
  if (live.observed.rules) rules.rules = *std::move(live.observed.rules);
  return rules;
}

}  // namespace

int run_explain(const CommandContext& context) {
  const Options& options = context.options;
  const auto rules = rules_of(options);
  if (!rules) return fail(rules.error());
  const auto packet = packet_for(options.explain);
  if (!packet) return fail(packet.error(), ExitCode::other);
  const auto listeners = read_listeners(context.environment);
  const Explanation explanation = explain_packet(
      rules->rules, *packet, [&](bool udp, const Endpoint& to) -> std::optional<bool> {
        if (!listeners) return std::nullopt;
        return takes(*listeners, udp, to);
      });
  const std::string text = options.json
                               ? explanation_json(explanation, rules->rules, rules->origin)
                               : explanation_text(explanation, rules->rules, rules->origin);
  return write_text("", text) ? 0 : static_cast<int>(ExitCode::other);
}

}  // namespace weir::init
