// SPDX-License-Identifier: Apache-2.0
#include "init/explain/explanation.hpp"

#include <cassert>

#include "init/explain/rule_reason.hpp"
#include "init/rules/render.hpp"

namespace weir::init {
namespace {

bool is_for_the_proxy(Landing landing) {
  return landing == Landing::redirected || landing == Landing::transparent;
}

// Where the proxy's socket would have to be.
Endpoint arrival(const Packet& packet, const Decision& decision) {
  if (decision.landing == Landing::transparent || packet.inbound)
    return {packet.destination, decision.port};
  return {*IpAddress::parse(packet.destination.is_v4() ? "127.0.0.1" : "::1"), decision.port};
}

std::string protocol_name(const Packet& packet) {
  return packet.protocol == IPPROTO_UDP ? "udp" : "tcp";
}

std::string endpoint_text(const IpAddress& address, std::uint16_t port) {
  return port == 0 ? address.to_string() : Endpoint{address, port}.to_string();
}

std::string owner_text(const Packet& packet) {
  std::string text;
  if (packet.uid) text += " of user " + std::to_string(*packet.uid);
  if (packet.gid) text += ", group " + std::to_string(*packet.gid);
  return text;
}

std::string connection_text(const Packet& packet) {
  std::string text = protocol_name(packet) + owner_text(packet);
  if (!packet.source.is_any()) text += " from " + endpoint_text(packet.source, packet.source_port);
  text += " to " + endpoint_text(packet.destination, packet.destination_port);
  text += packet.inbound ? ", comes in by " + packet.in_interface
                         : ", leaves by " + packet.out_interface;
  if (packet.mark != 0) text += ", mark " + std::to_string(packet.mark);
  return text;
}

std::string origin_text(const RulesOrigin& origin) {
  if (!origin.live) return "rules: those that these flags install: " + origin.flags;
  if (!origin.installed) return "rules: none of ours are installed in this network namespace";
  std::string text = "rules: in force in this network namespace (" + origin.backend + ")";
  return origin.flags.empty() ? text : text + ", installed with " + origin.flags;
}

// What the proxy, or whoever it is, gets to see.
std::string arrival_text(const Explanation& explanation) {
  const Packet& packet = explanation.packet;
  const std::string to = endpoint_text(packet.destination, packet.destination_port);
  const std::string from =
      packet.source.is_any() ? "the client" : endpoint_text(packet.source, packet.source_port);
  switch (explanation.decision.landing) {
    case Landing::redirected:
      return "the proxy gets it from " + from + "; SO_ORIGINAL_DST says " + to;
    case Landing::transparent:
      return "the proxy gets it from " + from + " with its own address " + to +
             ", both as the client sees them";
    case Landing::direct:
      return "the proxy does not see it";
    case Landing::dropped:
      return "the client gets no answer";
    case Landing::rejected:
      return packet.protocol == IPPROTO_TCP ? "the client's connection is refused"
                                            : "the client is told that the port is unreachable";
  }
  assert(false);
  return {};
}

std::string listening_text(const Explanation& explanation) {
  if (!explanation.listens) return {};
  const std::string port = std::to_string(explanation.decision.port);
  if (*explanation.listens) return "somebody listens on port " + port;
  return "nobody listens on port " + port +
         (explanation.held ? ": the connection waits until somebody does"
                           : ": the connection fails");
}

std::string rule_lines(const Ruleset& rules, const RulePlace& place) {
  const Rule& rule = rules.find_chain(place.chain)->rules[place.rule];
  return "  " + place_text(place) + ": " + rule.comment + "\n    " + render_rule(rule) + "\n";
}

}  // namespace

// What most people ask for: to_outbound redirects whatever comes to it.
std::optional<RulePlace> leading_rule(const Decision& decision, const Ruleset& rules) {
  std::optional<RulePlace> leading;
  for (const RulePlace& place : decision.matched) {
    if (place == decision.decided_by) break;
    const Verdict& verdict = rules.find_chain(place.chain)->rules[place.rule].verdict;
    const auto* jump = std::get_if<Jump>(&verdict);
    const auto* gone = std::get_if<Goto>(&verdict);
    if ((jump != nullptr && jump->chain == decision.decided_by->chain) ||
        (gone != nullptr && gone->chain == decision.decided_by->chain) ||
        std::holds_alternative<JumpByMap>(verdict))
      leading = place;
  }
  return leading;
}

Explanation explain_packet(const Ruleset& rules, const Packet& packet, const ListensAt& listens) {
  Explanation explanation;
  explanation.packet = packet;
  explanation.packet.proxy_listens = true;
  explanation.decision = evaluate(rules, explanation.packet, explanation.visits);
  if (!is_for_the_proxy(explanation.decision.landing)) return explanation;
  explanation.listens =
      listens(packet.protocol == IPPROTO_UDP, arrival(packet, explanation.decision));
  if (explanation.listens != false) return explanation;
  Packet unheard = packet;
  unheard.proxy_listens = false;
  explanation.visits.clear();
  explanation.held = evaluate(rules, unheard, explanation.visits).landing == Landing::dropped;
  return explanation;
}

std::string landing_text(const Explanation& explanation) {
  const std::string port = std::to_string(explanation.decision.port);
  switch (explanation.decision.landing) {
    case Landing::direct:
      return "left alone: it goes where it was sent";
    case Landing::redirected:
      return "redirected to " + port;
    case Landing::transparent:
      return "handed to the transparent socket on " + port;
    case Landing::dropped:
      return "dropped";
    case Landing::rejected:
      return "rejected";
  }
  assert(false);
  return {};
}

std::string explanation_text(const Explanation& explanation, const Ruleset& rules,
                             const RulesOrigin& origin) {
  std::string text = connection_text(explanation.packet) + "\n" + origin_text(origin) + "\n\n" +
                     landing_text(explanation) + "\n  " + arrival_text(explanation) + "\n";
  if (const std::string listening = listening_text(explanation); !listening.empty())
    text += "  " + listening + "\n";
  if (const auto& place = explanation.decision.decided_by) {
    text += "\ndecided by:\n";
    if (const auto leading = leading_rule(explanation.decision, rules))
      text += rule_lines(rules, *leading);
    text += rule_lines(rules, *place);
  } else {
    text += "\nno rule decides: all chains on its way end without one\n";
  }
  if (explanation.visits.empty()) return text;
  text += "\nits way through the rules (+ the rule applied, - it did not):\n";
  for (const RuleVisit& visit : explanation.visits) text += visit_text(rules, visit) + "\n";
  return text;
}

}  // namespace weir::init
