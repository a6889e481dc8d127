// SPDX-License-Identifier: Apache-2.0
#include "init/verify/verification.hpp"

#include <algorithm>
#include <cstdio>

#include "common/json_writer.hpp"
#include "init/routing/routing.hpp"

namespace weir::init {
namespace {

std::string text_of(const Ruleset& rules, const RulePlace& place) {
  const Chain* chain = rules.find_chain(place.chain);
  const std::string comment = chain != nullptr && place.rule < chain->rules.size()
                                  ? " (" + chain->rules[place.rule].comment + ")"
                                  : std::string();
  return "chain " + place.chain + ", rule " + std::to_string(place.rule + 1) + comment;
}

std::string failure_line(const Ruleset& rules, const ProbeResult& result) {
  std::string text = "failed: " + describe(result.probe.packet) + ": expected " +
                     describe(result.probe.expected) + ", was " + result.happened;
  if (result.probe.expected.decided_by)
    text += "; decides: " + text_of(rules, *result.probe.expected.decided_by);
  if (result.probe.expected.landing == Landing::transparent)
    text += "; who listens on " + std::to_string(result.probe.expected.port) +
            " must do so transparently (weir-proxy --inbound TPROXY)";
  return text;
}

std::string in_milliseconds(double milliseconds) {
  char text[32];
  std::snprintf(text, sizeof text, "in %.1f ms", milliseconds);
  return text;
}

std::size_t count(const Proof& proof, bool passed) {
  return static_cast<std::size_t>(
      std::count_if(proof.results.begin(), proof.results.end(),
                    [&](const ProbeResult& result) { return result.passed == passed; }));
}

std::string summary(const Verification& verification) {
  const Proof& proof = verification.proof;
  if (!verification.passed()) {
    std::string text = "verification failed:";
    if (!verification.rules.empty())
      text += " " + std::to_string(verification.rules.size()) + " differences in the rules;";
    if (!verification.routing.empty())
      text += " " + std::to_string(verification.routing.size()) + " in the routing;";
    return text + " " + std::to_string(count(proof, false)) + " of " +
           std::to_string(proof.results.size()) + " connections went elsewhere";
  }
  if (!verification.not_proved.empty()) return "verified: rules and routing as planned, unproved";
  return "verified: rules and routing as planned, " + std::to_string(proof.results.size()) +
         " connections went where they should, " + std::to_string(proof.proved.size()) + " of " +
         std::to_string(proof.effective_rules) + " rules with an effect proved one by one";
}

void write_probe(JsonWriter& json, const Ruleset& rules, const ProbeResult& result) {
  json.begin_object();
  json.key("connection").string(describe(result.probe.packet));
  json.key("expected").string(describe(result.probe.expected));
  json.key("happened").string(result.happened);
  json.key("passed").boolean(result.passed);
  json.key("proves").begin_array();
  for (const RulePlace& place : result.probe.proves) json.string(text_of(rules, place));
  json.end_array().end_object();
}

void write_list(JsonWriter& json, std::string_view name, const std::vector<std::string>& lines) {
  json.key(name).begin_array();
  for (const std::string& line : lines) json.string(line);
  json.end_array();
}

}  // namespace

Result<Verification> verify_installation(Backend& backend, const Ruleset& plan,
                                         const RedirectConfig& config) {
  Verification verification;
  verification.plan = plan;
  TRY(const Observed observed, backend.read());
  verification.rules = observed.rules
                           ? diff_rulesets(backend.represent(verification.plan), *observed.rules)
                           : Diff{"nothing of ours is installed"};
  TRY(verification.routing, routing_drift(plan_routing(config)));
  auto proof = prove(verification.plan);
  if (proof)
    verification.proof = *std::move(proof);
  else
    verification.not_proved = proof.error().message;
  return verification;
}

std::vector<std::string> describe(const Verification& verification, double milliseconds) {
  std::vector<std::string> lines;
  for (const std::string& line : verification.rules) lines.push_back("different: " + line);
  for (const std::string& line : verification.routing) lines.push_back("different: " + line);
  for (const ProbeResult& result : verification.proof.results)
    if (!result.passed) lines.push_back(failure_line(verification.plan, result));
  for (const std::string& line : verification.proof.not_probed)
    lines.push_back("not proved: " + line);
  if (!verification.not_proved.empty())
    lines.push_back("not proved with connections: " + verification.not_proved);
  lines.push_back(summary(verification) + ", " + in_milliseconds(milliseconds));
  return lines;
}

std::string to_json(const Verification& verification) {
  JsonWriter json;
  json.begin_object();
  json.key("passed").boolean(verification.passed());
  write_list(json, "rule_differences", verification.rules);
  write_list(json, "routing_differences", verification.routing);
  json.key("rules_with_effect").number(verification.proof.effective_rules);
  json.key("rules_proved").number(verification.proof.proved.size());
  auto missing = verification.proof.not_probed;
  if (!verification.not_proved.empty()) missing.push_back(verification.not_proved);
  write_list(json, "not_proved", missing);
  json.key("connections").begin_array();
  for (const ProbeResult& result : verification.proof.results)
    write_probe(json, verification.plan, result);
  json.end_array().end_object();
  return json.take();
}

}  // namespace weir::init
