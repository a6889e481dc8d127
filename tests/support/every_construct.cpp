// SPDX-License-Identifier: Apache-2.0
#include "tests/support/every_construct.hpp"

#include <netinet/in.h>

#include <linux/netfilter.h>

#include <utility>

#include "init/rules/interval.hpp"

namespace weir::init {
namespace {

using Matches = std::vector<std::variant<Match, Opaque>>;

Match is(Field field, Key key, std::uint32_t mask = 0xffffffff) {
  return Match{field, false, key, mask};
}
Match is_not(Field field, Key key, std::uint32_t mask = 0xffffffff) {
  return Match{field, true, key, mask};
}
Match in(Field field, std::string set) { return Match{field, false, SetName{std::move(set)}}; }
Match tcp() { return is(Field::l4proto, byte_key(IPPROTO_TCP)); }
Match udp() { return is(Field::l4proto, byte_key(IPPROTO_UDP)); }
Match v4() { return is(Field::nfproto, byte_key(NFPROTO_IPV4)); }
Match v6() { return is(Field::nfproto, byte_key(NFPROTO_IPV6)); }
Key address(std::string_view text) { return address_key(*IpAddress::parse(text)); }

Chain prerouting_nat() {
  return {"prerouting",
          BaseHook{Hook::prerouting, -101},
          {
              {{is(Field::l4proto, byte_key(58))}, Return{}, "ICMPv6"},
              {{tcp(), in(Field::tcp_dport, "ports")}, Redirect{15006}, "to the proxy"},
              {{udp(), is(Field::udp_dport, port_key(53))}, Redirect{15053}, "DNS"},
              {{in(Field::iifname, "interfaces")}, Jump{"more"}, "from some interfaces"},
          },
          {}};
}

Chain output_nat() {
  return {
      "output",
      BaseHook{Hook::output, -101},
      {
          {{is(Field::oifname, name_key("lo")), v4(), is(Field::ip_saddr, address("127.0.0.6"))},
           Return{},
           "the proxy's"},
          {{v6(), is_not(Field::ip6_daddr, address("::1"))}, Goto{"more"}, "not to itself"},
          {{in(Field::skuid, "users")}, Accept{}, "a user"},
          {{tcp(), in(Field::skuid_range, "user_ranges"), in(Field::tcp_dport, "ports")},
           Return{},
           "some users"},
          {{in(Field::skgid, "groups")}, Return{}, "a group"},
          {{Match{Field::skuid_range, true, SetName{"user_ranges"}}}, Return{}, "other users"},
          {{udp(), is(Field::udp_dport, port_key(443))}, Continue{}, "escapes: QUIC"},
          {{udp()}, Continue{}, "escapes: UDP", false},
      },
      {}};
}

Chain tproxy_chain() {
  return {"tproxy_prerouting",
          BaseHook{Hook::prerouting, -151, ChainType::filter},
          {
              {{is(Field::mark, id_key(0x539), 0xfff)}, Return{}, "seen"},
              {{is_not(Field::ct_mark, id_key(0x53a), 0xfff)}, Return{}, "not seen"},
              {{is(Field::ct_mark, id_key(0x53a))}, SetMark{0x539, 0xfff}, "the rest of it"},
              {{is(Field::ct_state, id_key(kCtStateInvalid))}, Drop{}, "invalid"},
              {{is(Field::ct_state, id_key(kCtStateEstablished | kCtStateRelated))},
               Continue{},
               "running"},
              {{is_not(Field::ct_state, id_key(kCtStateNew))}, Return{}, "not new"},
              {{tcp()}, Tproxy{15006, 0x539, 0xfff}, "transparently"},
              {{tcp()}, Tproxy{15006, 0x539}, "transparently, whole mark"},
              {{tcp()}, Drop{}, "nobody listens"},
              {{}, SetMark{0x7}, "whole mark"},
              {{}, SetMark{0, 0xf0}, "some bits gone"},
              {{}, SetMark{0xf0, 0xf0}, "some bits set"},
              {{}, SetCtMark{0x539, 0xfff}, "remember it"},
              {{}, SetCtMark{0x539}, "remember it whole"},
          },
          {}};
}

Chain hold_chain() {
  return {"hold",
          BaseHook{Hook::input, -1, ChainType::filter},
          {
              {{tcp(), is_not(Field::tcp_flags, byte_key(kTcpSyn))}, Return{}, "running"},
              {{tcp(), in(Field::tcp_dport, "ports"), is(Field::socket_transparent, byte_key(0))},
               Accept{},
               "the proxy listens"},
              {{is(Field::socket_transparent, byte_key(1))}, Accept{}, "on every address"},
              {{is_not(Field::socket_transparent, byte_key(1))}, Drop{}, "wait"},
          },
          {}};
}

std::vector<Chain> small_base_chains() {
  return {
      {"tproxy_output",
       BaseHook{Hook::output, -151, ChainType::route},
       {{{is(Field::ct_mark, id_key(0x53a), 0xfff)}, SetMark{0x539, 0xfff}, "back in"}},
       {}},
      {"dns_zones_output",
       BaseHook{Hook::output, -301, ChainType::filter},
       {{{udp(), is(Field::udp_dport, port_key(53))}, SetZone{1}, "asks"},
        {{udp(), is(Field::udp_sport, port_key(15053))}, SetZone{2}, "answers"},
        {{udp(), in(Field::udp_dport, "ports"), v4(), in(Field::ip_daddr, "servers")},
         SetZone{1},
         "a server"}},
       {}},
      {"reject_output",
       BaseHook{Hook::output, 1, ChainType::filter},
       {{{udp(), is(Field::udp_dport, port_key(443))}, Reject{Rejection::port_unreachable}, "QUIC"},
        {{v6(), tcp()}, Reject{Rejection::tcp_reset}, "IPv6"}},
       {}},
  };
}

}  // namespace

Ruleset every_construct() {
  Ruleset rules;
  rules.sets = {
      {"ports", KeyType::inet_service, "some ports", {{port_key(80), port_key(90)}}, {}},
      {"users", KeyType::uid, "users", {{id_key(0), id_key(0)}, {id_key(1337), id_key(1337)}}, {}},
      {"user_ranges",
       KeyType::uid_range,
       "users by range",
       {{id_key(0), id_key(5)}, {id_key(1000), id_key(1000)}, {id_key(70000), id_key(0xffffffff)}},
       {}},
      {"groups", KeyType::gid, "groups", {{id_key(1337), id_key(1337)}}, {}},
      {"interfaces",
       KeyType::ifname,
       "interfaces",
       interface_intervals({{"br", true}, {"eth0", false}}),
       {}},
      {"servers",
       KeyType::ipv4_addr,
       "servers",
       {{address("198.51.100.0"), address("198.51.100.255")}},
       {}},
  };
  rules.maps = {{"slices",
                 KeyType::ipv4_addr,
                 "slices",
                 {{{address("198.51.100.0"), address("198.51.100.9")}, "more"}},
                 {}}};
  rules.timeouts = {{"captured_v4", IpFamily::v4, 3600, {}}, {"captured_v6", IpFamily::v6, 7, {}}};
  rules.chains = {prerouting_nat(), output_nat(), tproxy_chain(), hold_chain()};
  for (Chain& chain : small_base_chains()) rules.chains.push_back(std::move(chain));
  rules.chains.push_back({"more",
                          std::nullopt,
                          {{{v4(), tcp()}, SetTimeout{"captured_v4"}, "remembered for long"},
                           {{v6(), tcp()}, SetTimeout{"captured_v6"}, "remembered for long"},
                           {{tcp()}, Redirect{15001}, "to the proxy"}},
                          {}});
  rules.chains.push_back(
      {"by_address",
       std::nullopt,
       {{{v4()}, JumpByMap{Field::ip_daddr, "slices"}, "by slice"}, {{}, Return{}, "", false}},
       {}});
  return rules;
}

}  // namespace weir::init
