// SPDX-License-Identifier: Apache-2.0
#include "init/legacy/render_legacy.hpp"

#include <algorithm>
#include <cassert>
#include <cstdio>

#include "init/legacy/built_in.hpp"
#include "init/legacy/entry.hpp"
#include "init/legacy/entry_layout.hpp"
#include "init/rules/render.hpp"

namespace weir::init {
namespace {

std::string_view chain_label(std::string_view name) { return name.substr(name.rfind('/') + 1); }

std::string hex(std::uint32_t value) {
  char text[16];
  std::snprintf(text, sizeof text, "0x%x", value);
  return text;
}

std::uint32_t number(const Key& key, std::size_t size = 4) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < size; ++i) value = value << 8 | key.bytes[i];
  return value;
}

std::string protocol_name(std::uint8_t protocol) {
  if (protocol == 6) return "tcp";
  return protocol == 17 ? "udp" : std::to_string(protocol);
}

std::string interface_name(const Match& match) {
  const Interval range = operand_interval(match);
  const auto* text = reinterpret_cast<const char*>(range.first.bytes.data());
  return std::string(text, strnlen(text, 16)) + (range.first == range.last ? "" : "+");
}

std::string ports(const Match& match, std::string_view between) {
  const auto one = [&](const Interval& range) {
    std::string text = std::to_string(number(range.first, 2));
    if (range.first != range.last)
      text += std::string(between) + std::to_string(number(range.last, 2));
    return text;
  };
  const auto* ranges = std::get_if<std::vector<Interval>>(&match.operand);
  if (ranges == nullptr) return one(operand_interval(match));
  std::string text;
  for (const Interval& range : *ranges) text += (text.empty() ? "" : ",") + one(range);
  return text;
}

std::string states(std::uint32_t bits) {
  constexpr std::pair<std::uint32_t, const char*> kNames[] = {{kCtStateInvalid, "INVALID"},
                                                              {kCtStateNew, "NEW"},
                                                              {kCtStateRelated, "RELATED"},
                                                              {kCtStateEstablished, "ESTABLISHED"},
                                                              {kCtStateUntracked, "UNTRACKED"}};
  std::string text;
  for (const auto& [bit, name] : kNames)
    if ((bits & bit) != 0) text += (text.empty() ? "" : ",") + std::string(name);
  return text;
}

std::string flags(std::uint8_t bits) {
  constexpr std::pair<unsigned, const char*> kNames[] = {
      {1, "FIN"}, {2, "SYN"}, {4, "RST"}, {16, "ACK"}};
  std::string text;
  for (const auto& [bit, name] : kNames)
    if ((bits & bit) != 0) text += (text.empty() ? "" : ",") + std::string(name);
  return text.empty() ? "NONE" : text;
}

std::string range_text(KeyType type, const Interval& range) {
  return render_interval(type, {range.first, range.first}) + "-" +
         render_interval(type, {range.last, range.last});
}

class RuleText {
 public:
  explicit RuleText(IpFamily family) : family_(family) {}

  std::string render(const Rule& rule) {
    // The protocol first, then its own extension once for all that it holds, as the entry has them.
    for (const auto& item : rule.matches)
      if (const auto* match = std::get_if<Match>(&item)) add_transport(*match);
    for (const auto& item : rule.matches) {
      if (const auto* match = std::get_if<Match>(&item))
        add_other(*match);
      else
        text_ += "{" + std::get<Opaque>(item).text + "} ";
    }
    if (!rule.comment.empty()) text_ += "-m comment --comment \"" + rule.comment + "\" ";
    text_ += verdict(rule.verdict);
    while (!text_.empty() && text_.back() == ' ') text_.pop_back();
    return std::move(text_);
  }

 private:
  // `!` goes before the option that it negates.
  void option(const Match& match, const std::string& text) {
    text_ += (match.negated ? "! " : "") + text + " ";
  }

  void extension(const char* name, const Match& match, const std::string& text) {
    text_ += "-m " + std::string(name) + " ";
    option(match, text);
  }

  static bool is_port_list(const Match& match) {
    const auto* ranges = std::get_if<std::vector<Interval>>(&match.operand);
    return ranges != nullptr && ranges->size() > 1;
  }

  static bool is_transport(const Match& match) {
    return match.field == Field::l4proto || match.field == Field::tcp_flags ||
           (key_type(match.field) == KeyType::inet_service && !is_port_list(match));
  }

  void add_transport(const Match& match) {
    if (!is_transport(match)) return;
    if (match.field == Field::l4proto)
      return option(match, "-p " + protocol_name(operand_interval(match).first.bytes[0]));
    const bool tcp = match.field == Field::tcp_dport || match.field == Field::tcp_flags;
    const std::string name = tcp ? "-m tcp " : "-m udp ";
    if (text_.find(name) == std::string::npos) text_ += name;
    if (match.field == Field::tcp_flags)
      return option(match,
                    "--tcp-flags FIN,SYN,RST,ACK " + flags(operand_interval(match).first.bytes[0]));
    option(match, (match.field == Field::udp_sport ? "--sport " : "--dport ") + ports(match, ":"));
  }

  void add_port_list(const Match& match) {
    const bool source = match.field == Field::udp_sport;
    extension("multiport", match, (source ? "--sports " : "--dports ") + ports(match, ":"));
  }

  void add_owner(const Match& match) {
    const Interval range = operand_interval(match);
    std::string ids = std::to_string(number(range.first));
    if (range.first != range.last) ids += "-" + std::to_string(number(range.last));
    // What no socket sent would match a negation.
    if (match.negated)
      text_ += "-m owner --socket-exists ";
    else
      text_ += "-m owner ";
    option(match, (match.field == Field::skgid ? "--gid-owner " : "--uid-owner ") + ids);
  }

  void add_other(const Match& match) {
    if (is_transport(match)) return;
    switch (match.field) {
      case Field::iifname:
        return option(match, "-i " + interface_name(match));
      case Field::oifname:
        return option(match, "-o " + interface_name(match));
      case Field::ip_saddr:
      case Field::ip6_saddr:
        return add_address(match, "-s", "--src-range");
      case Field::ip_daddr:
      case Field::ip6_daddr:
        return add_address(match, "-d", "--dst-range");
      case Field::tcp_dport:
      case Field::udp_dport:
      case Field::udp_sport:
        return add_port_list(match);
      case Field::skuid:
      case Field::skuid_range:
      case Field::skgid:
        return add_owner(match);
      case Field::mark:
        return extension("mark", match, "--mark " + marked(match));
      case Field::ct_mark:
        return extension("connmark", match, "--mark " + marked(match));
      case Field::ct_state:
        return extension("conntrack", match,
                         "--ctstate " + states(number(operand_interval(match).first)));
      case Field::socket_transparent:
        text_ += "-m socket --nowildcard ";
        if (operand_interval(match).first.bytes[0] != 0) text_ += "--transparent ";
        return;
      case Field::l4proto:
      case Field::tcp_flags:
        return;  // written before
      case Field::nfproto:
        assert(false);  // not in a lowered rule
    }
  }

  void add_range(const Interval& range, KeyType type, const char* name, bool negated) {
    text_ += "-m iprange " + std::string(negated ? "! " : "") + name + " " +
             range_text(type, range) + " ";
  }

  void add_address(const Match& match, const char* prefix, const char* range) {
    const KeyType type = key_type(match.field);
    const std::size_t size = key_size(type);
    const Interval hull = operand_interval(match);
    const auto* list = std::get_if<std::vector<Interval>>(&match.operand);
    if (list == nullptr || list->size() == 1) {
      if (!prefix_length(hull, size)) return add_range(hull, type, range, match.negated);
      return option(match, prefix + (" " + render_interval(type, hull)));
    }
    if (match.negated) {
      for (const Interval& one : *list) add_range(one, type, range, true);
      return;
    }
    const Interval cover = covering_prefix(hull, size);
    if (*prefix_length(cover, size) > 0)
      text_ += std::string(prefix) + " " + render_interval(type, cover) + " ";
    if (list->size() > kAddressSlots) return add_tests(match, *list);
    add_range(hull, type, range, false);
    for (const Interval& gap : gaps_between(*list, size)) add_range(gap, type, range, true);
  }

  void add_tests(const Match& match, const std::vector<Interval>& list) {
    const auto gaps = gaps_between(list, 4);
    text_ += "-m u32 --u32 \"";
    for (std::size_t at = 0; at < gaps.size(); at += kU32Ranges - 1) {
      text_ += std::string(at == 0 ? "" : "&&") + (match.field == Field::ip_saddr ? "12" : "16") +
               "=" + hex(number(list.front().first));
      for (std::size_t i = at; i < std::min(at + kU32Ranges - 1, gaps.size()); ++i)
        text_ += ":" + hex(number(gaps[i].first) - 1) + "," + hex(number(gaps[i].last) + 1);
      text_ += ":" + hex(number(list.back().last));
    }
    text_ += "\" ";
  }

  static std::string marked(const Match& match) {
    return hex(number(operand_interval(match).first)) + "/" + hex(match.mask);
  }

  [[nodiscard]] std::string verdict(const Verdict& verdict) const {
    if (std::holds_alternative<Return>(verdict)) return "-j RETURN";
    if (std::holds_alternative<Accept>(verdict)) return "-j ACCEPT";
    if (std::holds_alternative<Drop>(verdict)) return "-j DROP";
    if (const auto* jump = std::get_if<Jump>(&verdict))
      return "-j " + std::string(chain_label(jump->chain));
    if (const auto* jump = std::get_if<Goto>(&verdict))
      return "-g " + std::string(chain_label(jump->chain));
    if (const auto* redirect = std::get_if<Redirect>(&verdict))
      return "-j REDIRECT --to-ports " + std::to_string(redirect->port);
    if (const auto* tproxy = std::get_if<Tproxy>(&verdict))
      return "-j TPROXY --on-port " + std::to_string(tproxy->port) + " --tproxy-mark " +
             hex(tproxy->mark) + "/" + hex(tproxy->mask);
    if (const auto* mark = std::get_if<SetMark>(&verdict))
      return "-j MARK --set-xmark " + hex(mark->value) + "/" + hex(mark->mask);
    if (const auto* mark = std::get_if<SetCtMark>(&verdict))
      return "-j CONNMARK --set-xmark " + hex(mark->value) + "/" + hex(mark->mask);
    if (const auto* zone = std::get_if<SetZone>(&verdict))
      return "-j CT --zone " + std::to_string(zone->zone);
    if (const auto* reject = std::get_if<Reject>(&verdict))
      return "-j REJECT --reject-with " + rejection(reject->kind);
    if (const auto* opaque = std::get_if<Opaque>(&verdict)) return "{" + opaque->text + "}";
    return {};
  }

  [[nodiscard]] std::string rejection(Rejection kind) const {
    if (kind == Rejection::tcp_reset) return "tcp-reset";
    return family_ == IpFamily::v4 ? "icmp-port-unreachable" : "icmp6-port-unreachable";
  }

  IpFamily family_;
  std::string text_;
};

std::string render_table(const Ruleset& lowered, IpFamily family, std::string_view table) {
  const std::string prefix =
      std::string(family == IpFamily::v4 ? "ip/" : "ip6/") + std::string(table) + "/";
  std::string names;
  std::string jumps;
  std::string rules;
  for (const Chain& chain : lowered.chains) {
    if (!chain.name.starts_with(prefix)) continue;
    const std::string label = chain.name.substr(prefix.size());
    names += ":" + label + " - [0:0]\n";
    if (chain.base)
      for (const BuiltInChain& built_in : built_in_chains())
        if (built_in.table == table && built_in.hook == chain.base->hook)
          jumps += "-I " + std::string(built_in.name) + " -j " + label + "\n";
    for (const Rule& rule : chain.rules)
      rules += "-A " + label + " " + render_legacy_rule(rule, family) + "\n";
  }
  if (names.empty()) return {};
  return "*" + std::string(table) + "\n" + names + rules + jumps + "COMMIT\n";
}

}  // namespace

std::string render_legacy_rule(const Rule& rule, IpFamily family) {
  return RuleText(family).render(rule);
}

std::string render_legacy(const Ruleset& lowered, IpFamily family) {
  std::string text;
  for (const std::string_view table : {"raw", "filter", "mangle", "nat"})
    text += render_table(lowered, family, table);
  return text;
}

std::string render_legacy(const Ruleset& lowered) {
  const std::string v4 = render_legacy(lowered, IpFamily::v4);
  const std::string v6 = render_legacy(lowered, IpFamily::v6);
  std::string text;
  if (!v4.empty()) text += "# iptables-restore --noflush\n" + v4;
  if (!v6.empty()) text += "# ip6tables-restore --noflush\n" + v6;
  return text;
}

}  // namespace weir::init
