// SPDX-License-Identifier: Apache-2.0
#include "init/canonical_flags.hpp"
#include "init/commands/command.hpp"
#include "init/commands/live_rules.hpp"
#include "init/explanation.hpp"
#include "init/listeners.hpp"
#include "init/plan.hpp"
#include "init/process.hpp"
#include "init/route_lookup.hpp"

namespace weir::init {
namespace {

constexpr std::uint32_t kApplicationUid = 1000;

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

// What the kernel would choose, where the question leaves it open.
Result<void> route_outbound(const ExplainQuery& query, Packet& packet) {
  packet.out_interface = query.interface;
  if (!query.interface.empty() && query.from) return {};
  const auto route = find_route({packet.destination, query.from, packet.uid, query.mark});
  if (!route && query.interface.empty())
    return Error{"no route to '" + packet.destination.to_string() + "': " + route.error().message +
                     ": a connection fails before any rule sees it; --interface NAME explains it "
                     "as if there were one",
                 route.error().code};
  if (!route) return {};
  if (query.interface.empty()) packet.out_interface = route->interface;
  if (!query.from && route->source) packet.source = *route->source;
  return {};
}

Result<void> route_inbound(const ExplainQuery& query, Packet& packet) {
  packet.in_interface = query.interface;
  if (!query.interface.empty()) return {};
  if (query.from) {
    const auto route = find_route({*query.from, {}, {}, 0});
    if (route && route->interface != "lo") packet.in_interface = route->interface;
  }
  if (packet.in_interface.empty()) {
    TRY(packet.in_interface, interface_of(packet.destination));
  }
  if (packet.in_interface.empty())
    return Error{"--to '" + packet.destination.to_string() +
                 "': no interface here has this address; say by which one it comes in: "
                 "--interface NAME"};
  return {};
}

Result<Packet> packet_of(const ExplainQuery& query) {
  Packet packet;
  packet.inbound = query.inbound;
  packet.protocol = query.udp ? IPPROTO_UDP : IPPROTO_TCP;
  packet.destination = *query.to;
  packet.destination_port = query.to_port;
  packet.source = query.from.value_or(IpAddress::any(query.to->family()));
  packet.source_port = query.from_port;
  packet.mark = query.mark;
  if (query.inbound) {
    TRY_VOID(route_inbound(query, packet));
    return packet;
  }
  packet.uid = query.uid.value_or(kApplicationUid);
  packet.gid = query.gid.value_or(*packet.uid);
  TRY_VOID(route_outbound(query, packet));
  return packet;
}

}  // namespace

int run_explain(const CommandContext& context) {
  const Options& options = context.options;
  const auto rules = rules_of(options);
  if (!rules) return fail(rules.error());
  const auto packet = packet_of(options.explain);
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
