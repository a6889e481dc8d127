// SPDX-License-Identifier: Apache-2.0
#include "common/json_writer.hpp"
#include "init/explain/explanation.hpp"
#include "init/explain/rule_reason.hpp"
#include "init/rules/render.hpp"

namespace weir::init {
namespace {

std::string_view landing_name(Landing landing) {
  switch (landing) {
    case Landing::direct:
      return "direct";
    case Landing::redirected:
      return "redirected";
    case Landing::transparent:
      return "transparent";
    case Landing::dropped:
      return "dropped";
    case Landing::rejected:
      return "rejected";
  }
  return {};
}

void write_connection(JsonWriter& json, const Packet& packet) {
  json.key("connection").begin_object();
  json.key("direction").string(packet.inbound ? "inbound" : "outbound");
  json.key("protocol").string(packet.protocol == IPPROTO_UDP ? "udp" : "tcp");
  if (packet.uid) json.key("uid").number(*packet.uid);
  if (packet.gid) json.key("gid").number(*packet.gid);
  if (!packet.source.is_any()) json.key("from").string(packet.source.to_string());
  json.key("to").string(Endpoint{packet.destination, packet.destination_port}.to_string());
  json.key("interface").string(packet.inbound ? packet.in_interface : packet.out_interface);
  json.key("mark").number(packet.mark);
  json.end_object();
}

void write_origin(JsonWriter& json, const RulesOrigin& origin) {
  json.key("rules").begin_object();
  json.key("source").string(origin.live ? "kernel" : "flags");
  if (origin.live) {
    json.key("installed").boolean(origin.installed);
    json.key("backend").string(origin.backend);
  }
  if (!origin.flags.empty()) json.key("flags").string(origin.flags);
  json.end_object();
}

void write_rule(JsonWriter& json, const Ruleset& rules, const RulePlace& place) {
  const Rule& rule = rules.find_chain(place.chain)->rules[place.rule];
  json.key("chain").string(place.chain);
  json.key("rule").number(place.rule + 1);
  json.key("text").string(render_rule(rule));
  json.key("comment").string(rule.comment);
}

void write_way(JsonWriter& json, const Ruleset& rules, const std::vector<RuleVisit>& visits) {
  json.key("way").begin_array();
  for (const RuleVisit& visit : visits) {
    json.begin_object();
    write_rule(json, rules, visit.place);
    json.key("applied").boolean(!visit.failed_match);
    if (visit.failed_match)
      json.key("reason").string(
          reason_text(rules.find_chain(visit.place.chain)->rules[visit.place.rule], visit));
    json.end_object();
  }
  json.end_array();
}

}  // namespace

std::string explanation_json(const Explanation& explanation, const Ruleset& rules,
                             const RulesOrigin& origin) {
  const Decision& decision = explanation.decision;
  JsonWriter json;
  json.begin_object();
  write_connection(json, explanation.packet);
  write_origin(json, origin);
  json.key("landing").string(landing_name(decision.landing));
  if (decision.port != 0) json.key("port").number(decision.port);
  if (explanation.listens) {
    json.key("listening").boolean(*explanation.listens);
    json.key("held").boolean(explanation.held);
  }
  if (decision.decided_by) {
    if (const auto leading = leading_rule(decision, rules)) {
      json.key("led_by").begin_object();
      write_rule(json, rules, *leading);
      json.end_object();
    }
    json.key("decided_by").begin_object();
    write_rule(json, rules, *decision.decided_by);
    json.end_object();
  }
  write_way(json, rules, explanation.visits);
  json.end_object();
  return json.take();
}

}  // namespace weir::init
