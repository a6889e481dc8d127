// SPDX-License-Identifier: Apache-2.0
// Packets as the tests of the plan write them, and the plan that they are sent through.
#pragma once

#include <netinet/in.h>

#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "cases.hpp"
#include "init/plan/plan.hpp"
#include "init/rules/evaluate.hpp"

namespace weir::init {

// Text and defaults, where init/rules/evaluate.hpp wants every value.
struct Sent {
  std::string source = "198.51.100.1";
  std::string destination = "203.0.113.1";
  std::uint16_t port = 80;
  std::string interface = "eth0";
  std::optional<std::uint32_t> uid = 1000;  // absent: no socket
  std::optional<std::uint32_t> gid = 1000;
  std::uint8_t protocol = IPPROTO_TCP;
  std::uint8_t flags = kTcpSyn;
  std::uint32_t mark = 0;
  std::uint32_t ct_mark = 0;
  std::uint32_t ct_state = kCtStateNew;
  std::uint16_t source_port = 40000;
  bool proxy_listens = true;
};

inline Packet packet_of(const Sent& sent, bool inbound) {
  Packet packet;
  packet.inbound = inbound;
  packet.protocol = sent.protocol;
  packet.source = *IpAddress::parse(sent.source);
  packet.destination = *IpAddress::parse(sent.destination);
  packet.source_port = sent.source_port;
  packet.destination_port = sent.port;
  (inbound ? packet.in_interface : packet.out_interface) = sent.interface;
  if (!inbound) packet.uid = sent.uid;
  if (!inbound) packet.gid = sent.gid;
  packet.mark = sent.mark;
  packet.ct_mark = sent.ct_mark;
  packet.ct_state = sent.ct_state;
  packet.tcp_flags = sent.flags & kTcpFlagsMask;
  packet.proxy_listens = sent.proxy_listens;
  return packet;
}

class Plan : public testing::Test {
 protected:
  void configure(const std::vector<std::string>& arguments,
                 const std::vector<std::pair<std::string, std::string>>& variables = {}) {
    rules_ = plan_ruleset(parse(arguments, fake_environment(variables))->config);
  }
  Decision send(const Sent& sent) { return evaluate(rules_, packet_of(sent, false)); }
  Decision receive(const Sent& sent) { return evaluate(rules_, packet_of(sent, true)); }
  /// The port that the connection is redirected to, 0 = left alone.
  std::uint16_t out(const Sent& sent) { return send(sent).port; }
  std::uint16_t in(const Sent& sent) { return receive(sent).port; }
  Ruleset rules_;
};

}  // namespace weir::init
