// SPDX-License-Identifier: Apache-2.0
// explain_cells NETNS [BACKEND]: what `weir-init explain` would say, for thousands of connections.
// A line "read" on stdin reads the rules in force in the namespace; a line
// "out|in tcp|udp uid gid src|- dst port [interface]" gives the landing of that connection:
// "direct", "redirected PORT", "transparent PORT", "dropped", "rejected", or "error TEXT". Answers
// one line to each.
#include <cstdio>
#include <iostream>
#include <memory>
#include <sstream>
#include <string>

#include "init/explain/query_packet.hpp"
#include "init/install/backend_choice.hpp"
#include "init/rules/evaluate.hpp"
#include "tests/support/net_namespace.hpp"

namespace weir::init {
namespace {

std::string landing_of(const Decision& decision) {
  const std::string port = " " + std::to_string(decision.port);
  switch (decision.landing) {
    case Landing::direct:
      return "direct";
    case Landing::redirected:
      return "redirected" + port;
    case Landing::transparent:
      return "transparent" + port;
    case Landing::dropped:
      return "dropped";
    case Landing::rejected:
      return "rejected";
  }
  return "?";
}

Result<ExplainQuery> parse_query(const std::string& line) {
  std::istringstream words(line);
  std::string direction, protocol, source, destination;
  ExplainQuery query;
  std::uint32_t uid = 0, gid = 0;
  if (!(words >> direction >> protocol >> uid >> gid >> source >> destination >> query.to_port))
    return Error{"line '" + line + "': not understood"};
  TRY(query.to, IpAddress::parse(destination));
  query.inbound = direction == "in";
  query.udp = protocol == "udp";
  if (!query.inbound) {
    query.uid = uid;
    query.gid = gid;
  }
  if (source != "-") {
    TRY(query.from, IpAddress::parse(source));
  }
  words >> query.interface;
  return query;
}

class Explainer {
 public:
  explicit Explainer(BackendKind kind) : kind_(kind) {}

  std::string answer(const std::string& line) {
    const auto text = line == "read" ? read() : explain(line);
    return text ? *text : "error " + text.error().message;
  }

 private:
  Result<std::string> read() {
    TRY(const auto backend, open_backend(kind_, std::chrono::seconds(10)));
    TRY(Observed observed, backend->read());
    rules_ = observed.rules.value_or(Ruleset{});
    return std::to_string(rules_.rule_count());
  }
  Result<std::string> explain(const std::string& line) {
    TRY(const ExplainQuery query, parse_query(line));
    TRY(const Packet packet, packet_for(query));
    return landing_of(evaluate(rules_, packet));
  }

  BackendKind kind_;
  Ruleset rules_;
};

}  // namespace
}  // namespace weir::init

int main(int argc, char** argv) {
  using weir::init::BackendKind;
  if (argc < 2 || !weir::tests::enter_namespace(argv[1]))
    return std::perror("explain_cells NETNS [nftables|legacy]"), 2;
  const bool legacy = argc > 2 && std::string(argv[2]) == "legacy";
  weir::init::Explainer explainer(legacy ? BackendKind::legacy : BackendKind::nftables);
  for (std::string line; std::getline(std::cin, line);)
    std::cout << explainer.answer(line) << std::endl;
  return 0;
}
