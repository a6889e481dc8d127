// SPDX-License-Identifier: Apache-2.0
#include "init/rules/render.hpp"

#include <cassert>
#include <cstdio>
#include <cstring>
#include <string_view>

#include "common/ip.hpp"
#include "common/kernel_headers.hpp"
#include "init/rules/interval.hpp"

namespace weir::init {
namespace {

std::string_view type_name(KeyType type) {
  switch (type) {
    case KeyType::ipv4_addr:
      return "ipv4_addr";
    case KeyType::ipv6_addr:
      return "ipv6_addr";
    case KeyType::inet_service:
      return "inet_service";
    case KeyType::uid:
      return "uid";
    case KeyType::gid:
      return "gid";
    case KeyType::ifname:
      return "ifname";
    case KeyType::nfproto:
      return "nf_proto";
    case KeyType::l4proto:
      return "inet_proto";
    case KeyType::uid_range:
      return "uid";
    case KeyType::tcp_flags:
      return "tcp_flag";
    case KeyType::mark:
      return "mark";
    case KeyType::ct_state:
      return "ct_state";
    case KeyType::boolean:
      return "boolean";
  }
  assert(false);
  return {};
}

std::string_view field_name(Field field) {
  switch (field) {
    case Field::nfproto:
      return "meta nfproto";
    case Field::l4proto:
      return "meta l4proto";
    case Field::iifname:
      return "iifname";
    case Field::oifname:
      return "oifname";
    case Field::skuid:
    case Field::skuid_range:
      return "meta skuid";
    case Field::skgid:
      return "meta skgid";
    case Field::ip_saddr:
      return "ip saddr";
    case Field::ip_daddr:
      return "ip daddr";
    case Field::ip6_saddr:
      return "ip6 saddr";
    case Field::ip6_daddr:
      return "ip6 daddr";
    case Field::tcp_dport:
      return "tcp dport";
    case Field::udp_dport:
      return "udp dport";
    case Field::udp_sport:
      return "udp sport";
    case Field::tcp_flags:
      return "tcp flags & (fin | syn | rst | ack)";
    case Field::mark:
      return "meta mark";
    case Field::ct_mark:
      return "ct mark";
    case Field::ct_state:
      return "ct state";
    case Field::socket_transparent:
      return "socket transparent";
  }
  assert(false);
  return {};
}

IpAddress to_address(KeyType type, const Key& key) {
  return type == KeyType::ipv4_addr ? IpAddress::v4(key.bytes.data())
                                    : IpAddress::v6(key.bytes.data());
}

std::string quoted(std::string_view text) { return '"' + std::string(text) + '"'; }

std::string name_of(const Key& key) {
  const auto* text = reinterpret_cast<const char*>(key.bytes.data());
  return std::string(text, ::strnlen(text, key.bytes.size()));
}

std::uint32_t number_of(const Key& key) {
  const auto& b = key.bytes;
  return (std::uint32_t{b[0]} << 24) | (std::uint32_t{b[1]} << 16) | (std::uint32_t{b[2]} << 8) |
         b[3];
}

std::string hexadecimal(std::uint32_t value) {
  char text[11];
  std::snprintf(text, sizeof text, "0x%08x", value);
  return text;
}

std::string states_of(std::uint32_t bits) {
  std::string text;
  for (const auto& [bit, name] :
       {std::pair{kCtStateInvalid, "invalid"}, std::pair{kCtStateEstablished, "established"},
        std::pair{kCtStateRelated, "related"}, std::pair{kCtStateNew, "new"},
        std::pair{kCtStateUntracked, "untracked"}})
    if ((bits & bit) != 0) text += (text.empty() ? "" : ",") + std::string(name);
  return text;
}

std::string render_key(KeyType type, const Key& key) {
  const auto& b = key.bytes;
  switch (type) {
    case KeyType::ipv4_addr:
    case KeyType::ipv6_addr:
      return to_address(type, key).to_string();
    case KeyType::inet_service:
      return std::to_string((b[0] << 8) | b[1]);
    case KeyType::uid:
    case KeyType::gid:
    case KeyType::uid_range:
      return std::to_string(number_of(key));
    case KeyType::mark:
      return hexadecimal(number_of(key));
    case KeyType::ct_state:
      return states_of(number_of(key));
    case KeyType::boolean:
      return std::to_string(b[0]);
    case KeyType::ifname:
      return quoted(name_of(key));
    case KeyType::nfproto:
      return b[0] == NFPROTO_IPV4 ? "ipv4" : b[0] == NFPROTO_IPV6 ? "ipv6" : std::to_string(b[0]);
    case KeyType::tcp_flags:
      return b[0] == kTcpSyn ? "syn" : std::to_string(b[0]);
    case KeyType::l4proto:
      return b[0] == IPPROTO_TCP ? "tcp" : b[0] == IPPROTO_UDP ? "udp" : std::to_string(b[0]);
  }
  assert(false);
  return {};
}

// Length of the prefix that is exactly this interval, or -1.
int prefix_length(KeyType type, const Interval& interval) {
  const std::size_t size = key_size(type);
  int length = 0;
  std::size_t i = 0;
  while (i < size && interval.first.bytes[i] == interval.last.bytes[i]) {
    length += 8;
    ++i;
  }
  if (i == size) return length;
  unsigned differing = interval.first.bytes[i] ^ interval.last.bytes[i];
  if ((differing & (differing + 1)) != 0) return -1;  // the low bits, all of them, and nothing else
  if ((interval.first.bytes[i] & differing) != 0) return -1;
  for (length += 8; differing != 0; differing >>= 1) --length;
  for (++i; i < size; ++i)
    if (interval.first.bytes[i] != 0 || interval.last.bytes[i] != 0xff) return -1;
  return length;
}

std::string render_match(const Match& match) {
  std::string text(field_name(match.field));
  const KeyType type = key_type(match.field);
  // `==` after a mask; `!`, not `!=`, is nft's word for none of these states.
  if (match.mask != 0xffffffff)
    text += " & " + hexadecimal(match.mask) + (match.negated ? " != " : " == ");
  else
    text += match.negated ? type == KeyType::ct_state ? " ! " : " != " : " ";
  if (const auto* set = std::get_if<SetName>(&match.operand)) return text + "@" + set->name;
  if (const auto* key = std::get_if<Key>(&match.operand)) return text + render_key(type, *key);
  std::string_view separator = "{ ";
  for (const Interval& interval : std::get<std::vector<Interval>>(match.operand)) {
    text += std::string(separator) + render_interval(type, interval);
    separator = ", ";
  }
  return text + " }";
}

// The new value of a mark, some of whose bits become `value`.
std::string new_mark(std::string_view field, std::uint32_t value, std::uint32_t mask) {
  const std::string name(field);
  if (mask == 0xffffffff) return name + " set " + hexadecimal(value);
  const std::string kept = name + " set " + name + " & " + hexadecimal(~mask);
  return value == 0 ? kept : kept + " | " + hexadecimal(value);
}

struct VerdictText {
  std::string operator()(const Return&) const { return "return"; }
  std::string operator()(const Accept&) const { return "accept"; }
  std::string operator()(const Drop&) const { return "drop"; }
  std::string operator()(const Jump& jump) const { return "jump " + jump.chain; }
  std::string operator()(const Goto& jump) const { return "goto " + jump.chain; }
  std::string operator()(const Redirect& redirect) const {
    return "redirect to :" + std::to_string(redirect.port);
  }
  std::string operator()(const JumpByMap& jump) const {
    return std::string(field_name(jump.field)) + " vmap @" + jump.map;
  }
  std::string operator()(const Tproxy& tproxy) const {
    return "tproxy to :" + std::to_string(tproxy.port) + " " +
           new_mark("meta mark", tproxy.mark, tproxy.mask) + " accept";
  }
  std::string operator()(const Reject& reject) const {
    return reject.kind == Rejection::tcp_reset ? "reject with tcp reset"
                                               : "reject with icmpx port-unreachable";
  }
  std::string operator()(const Continue&) const { return {}; }
  std::string operator()(const SetMark& set) const {
    return new_mark("meta mark", set.value, set.mask);
  }
  std::string operator()(const SetCtMark& set) const {
    return new_mark("ct mark", set.value, set.mask);
  }
  std::string operator()(const SetZone& set) const {
    return "ct zone set " + std::to_string(set.zone);
  }
  std::string operator()(const SetTimeout& set) const {
    return "ct timeout set " + quoted(set.object);
  }
  std::string operator()(const Opaque& opaque) const { return "{" + opaque.text + "}"; }
};

void append_set(std::string& text, const Set& set) {
  text += "\tset " + set.name + " {\n\t\ttype " + std::string(type_name(set.type)) + "\n";
  if (has_intervals(set.type)) text += "\t\tflags interval\n";
  text += "\t\tcomment " + quoted(set.comment) + "\n\t\telements = {";
  std::string_view separator = " ";
  for (const Interval& interval : set.elements) {
    text += separator;
    text += render_interval(set.type, interval);
    separator = ",\n\t\t\t     ";
  }
  text += " }\n\t}\n\n";
}

void append_map(std::string& text, const VerdictMap& map) {
  text += "\tmap " + map.name + " {\n\t\ttype " + std::string(type_name(map.type)) +
          " : verdict\n\t\tflags interval\n\t\tcomment " + quoted(map.comment) +
          "\n\t\telements = {";
  std::string_view separator = " ";
  for (const MapElement& element : map.elements) {
    text += separator;
    text += render_interval(map.type, element.range) + " : jump " + element.chain;
    separator = ",\n\t\t\t     ";
  }
  text += " }\n\t}\n\n";
}

void append_timeout(std::string& text, const CtTimeout& timeout) {
  text += "\tct timeout " + timeout.name + " {\n\t\tprotocol tcp\n\t\tl3proto " +
          (timeout.family == IpFamily::v4 ? "ip" : "ip6") +
          "\n\t\tpolicy = { close_wait : " + std::to_string(timeout.close_wait) + " }\n\t}\n\n";
}

void append_base(std::string& text, const BaseHook& base) {
  constexpr std::string_view kTypes[] = {"nat", "filter", "route"};
  constexpr std::string_view kHooks[] = {"prerouting", "input", "output"};
  text += "\t\ttype " + std::string(kTypes[static_cast<std::size_t>(base.type)]) + " hook " +
          std::string(kHooks[static_cast<std::size_t>(base.hook)]) + " priority " +
          std::to_string(base.priority) + "; policy accept;\n";
}

void append_chain(std::string& text, const Chain& chain) {
  text += "\tchain " + chain.name + " {\n";
  if (chain.base) append_base(text, *chain.base);
  for (const Rule& rule : chain.rules) {
    text += "\t\t" + render_rule(rule);
    if (!rule.comment.empty()) text += " comment " + quoted(rule.comment);
    text += "\n";
  }
  text += "\t}\n\n";
}

}  // namespace

std::string render_interval(KeyType type, const Interval& interval) {
  if (interval.first == interval.last) return render_key(type, interval.first);
  if (type == KeyType::ifname) {
    const std::string prefix = name_of(interval.first);
    Interval whole{name_key(prefix), name_key(prefix)};
    for (std::size_t i = prefix.size(); i < 16; ++i) whole.last.bytes[i] = 0xff;
    if (whole == interval) return quoted(prefix + "*");
  }
  if (type == KeyType::ipv4_addr || type == KeyType::ipv6_addr)
    if (const int length = prefix_length(type, interval); length >= 0)
      return render_key(type, interval.first) + "/" + std::to_string(length);
  return render_key(type, interval.first) + "-" + render_key(type, interval.last);
}

std::string render_rule(const Rule& rule) {
  std::string text;
  for (const auto& match : rule.matches) {
    if (const auto* known = std::get_if<Match>(&match))
      text += render_match(*known) + " ";
    else
      text += "{" + std::get<Opaque>(match).text + "} ";
  }
  if (rule.counter) text += "counter ";
  text += std::visit(VerdictText{}, rule.verdict);
  if (text.ends_with(' ')) text.pop_back();  // no verdict: the next rule decides
  return text;
}

std::string render_removal() {
  // Adding before deleting makes the deletion succeed whether or not the table is there.
  const std::string table = "table inet " + std::string(kTableName);
  return table + "\ndelete " + table + "\n";
}

std::string render_ruleset(const Ruleset& ruleset) {
  std::string text = render_removal() + "table inet " + std::string(kTableName) + " {\n\tcomment " +
                     quoted(ruleset.comment) + "\n\n";
  for (const CtTimeout& timeout : ruleset.timeouts) append_timeout(text, timeout);
  for (const Set& set : ruleset.sets) append_set(text, set);
  for (const VerdictMap& map : ruleset.maps) append_map(text, map);
  for (const Chain& chain : ruleset.chains) append_chain(text, chain);
  text.resize(text.size() - 1);
  return text + "}\n";
}

}  // namespace weir::init
