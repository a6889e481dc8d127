// SPDX-License-Identifier: Apache-2.0
#include "init/cli/canonical_flags.hpp"

#include <algorithm>
#include <map>

#include "init/cli/cli.hpp"
#include "init/cli/fewest_prefixes.hpp"

namespace weir::init {
namespace {

// Stands for /etc/resolv.conf, which the flags of DNS capture refer to.
constexpr std::string_view kServersVariable = "RESOLV_CONF";
constexpr std::string_view kServersFile = "/etc/resolv.conf";

template <class T>
void sort_out(std::vector<T>& list) {
  std::sort(list.begin(), list.end());
  list.erase(std::unique(list.begin(), list.end()), list.end());
}

// A loopback prefix in the list asks for loopback traffic, whatever other prefix contains it.
void sort_out(std::vector<CidrRange>& ranges) {
  const auto border = std::partition(ranges.begin(), ranges.end(), [](const CidrRange& range) {
    return range.address().is_loopback();
  });
  const std::vector<CidrRange> loopback = fewest_prefixes({ranges.begin(), border});
  ranges = fewest_prefixes({border, ranges.end()});
  ranges.insert(ranges.end(), loopback.begin(), loopback.end());
}

// Commas between the items.
template <class List, class Text>
std::string join(const List& list, Text text) {
  std::string joined;
  for (const auto& item : list) {
    if (!joined.empty()) joined += ',';
    joined += text(item);
  }
  return joined;
}

std::string id_text(std::uint32_t id) { return std::to_string(id); }

std::string ids(const std::vector<std::uint32_t>& list) { return join(list, id_text); }

std::string ids_or_none(const std::vector<std::uint32_t>& list) {
  return list.empty() ? "none" : ids(list);
}

std::string cidrs(const std::vector<CidrRange>& list) {
  return join(list, [](const CidrRange& range) { return range.to_string(); });
}

// No shorter than this: "0.0.0.0/0" or "::/0", and the blank or comma before it.
std::size_t shortest_text(const std::vector<CidrRange>& list) {
  const auto v4 = std::count_if(list.begin(), list.end(),
                                [](const CidrRange& range) { return range.address().is_v4(); });
  return static_cast<std::size_t>(v4) * 10 + (list.size() - static_cast<std::size_t>(v4)) * 5;
}

std::string interfaces(const std::vector<InterfacePattern>& list) {
  return join(list, [](const InterfacePattern& i) { return i.prefix ? i.name + "+" : i.name; });
}

std::string user_exclusion(const UserExclusion& exclusion) {
  const auto range = [](const IdRange& users) {
    return users.first == users.last ? id_text(users.first)
                                     : id_text(users.first) + "-" + id_text(users.last);
  };
  return std::string(exclusion.udp ? "udp:" : "tcp:") + exclusion.ports.to_string() + ":" +
         join(exclusion.users, range);
}

// Collects the words; each add function leaves out what is the default.
class Words {
 public:
  explicit Words(const RedirectConfig& config) : config_(config) {}

  std::vector<std::string> take() {
    add_environment();
    add_proxy();
    add_inbound();
    add_outbound();
    add_tproxy();
    add_dns();
    add_rest();
    return std::move(words_);
  }

 private:
  void add(std::string_view flag, std::string value) {
    words_.emplace_back(flag);
    words_.push_back(std::move(value));
  }
  void add_list(std::string_view flag, std::string value) {
    if (!value.empty()) add(flag, std::move(value));
  }
  void add_variable(std::string_view name, const std::string& value) {
    words_.push_back(std::string(name) + "=" + value);
  }
  template <class Member>
  void add_number(std::string_view flag, Member member) {
    if (config_.*member != RedirectConfig{}.*member) add(flag, std::to_string(config_.*member));
  }
  void add_switch(std::string_view flag, bool on) {
    if (on) words_.emplace_back(flag);
  }

  void add_environment() {
    const OwnerGroups& groups = config_.owner_groups;
    if (!groups.all) add_variable("ISTIO_OUTBOUND_OWNER_GROUPS", ids(groups.included));
    if (!groups.excluded.empty())
      add_variable("ISTIO_OUTBOUND_OWNER_GROUPS_EXCLUDE", ids(groups.excluded));
    if (config_.loopback_v4 != RedirectConfig{}.loopback_v4)
      add_variable("ISTIO_OUTBOUND_IPV4_LOOPBACK_CIDR", config_.loopback_v4.to_string());
    if (config_.dns.scope == DnsScope::servers)
      add_variable(kServersVariable,
                   join(config_.dns.servers, [](const IpAddress& a) { return a.to_string(); }));
  }
  void add_proxy() {
    add_number("-p", &RedirectConfig::outbound_port);
    add_number("-z", &RedirectConfig::inbound_port);
    add_number("-e", &RedirectConfig::tunnel_port);
    add("-u", ids_or_none(config_.proxy_uids));
    add("-g", ids_or_none(config_.proxy_gids));
  }
  void add_inbound() {
    add_list("-b", config_.inbound_ports.to_string());
    add_list("-d", config_.inbound_excluded_ports.to_string());
    add_list("--exclude-inbound-cidrs", cidrs(config_.inbound_excluded_sources));
  }
  void add_outbound() {
    add_list("-i", config_.outbound_cidrs.all ? "*" : cidrs(config_.outbound_cidrs.ranges));
    add_list("-x", cidrs(config_.outbound_excluded_cidrs));
    add_list("-q", config_.outbound_ports.to_string());
    add_list("-o", config_.outbound_excluded_ports.to_string());
    add_list("-c", interfaces(config_.excluded_interfaces));
    add_list("-k", interfaces(config_.virtual_interfaces));
    add_list("--virtual-networks", join(config_.virtual_networks, [](const VirtualNetwork& n) {
               return n.interface.name + (n.interface.prefix ? "+:" : ":") + n.local.to_string();
             }));
    std::string exclusions;
    for (const UserExclusion& exclusion : config_.user_exclusions)
      exclusions += (exclusions.empty() ? "" : ";") + user_exclusion(exclusion);
    add_list("--exclude-outbound-ports-for-uids", std::move(exclusions));
  }
  void add_tproxy() {
    if (config_.inbound_mode == InboundMode::tproxy) add("-m", "TPROXY");
    const TproxyMarks& marks = config_.tproxy;
    const TproxyMarks usual;
    if (marks.mark != usual.mark || marks.mask != usual.mask)
      add("-t", id_text(marks.mark) + "/" + hexadecimal(marks.mask));
    if (marks.route_table != usual.route_table) add("-r", id_text(marks.route_table));
  }
  void add_dns() {
    const DnsCapture& dns = config_.dns;
    add_switch("--redirect-dns", dns.scope != DnsScope::off);
    add_switch("--capture-all-dns", dns.scope == DnsScope::all);
    if (dns.port != DnsCapture{}.port) add("--redirect-dns-port", id_text(dns.port));
    add_switch("--skip-dns-conntrack-zone-split", !dns.split_zones);
  }
  void add_rest() {
    add_switch("--drop-invalid", config_.drop_invalid);
    if (config_.ipv6 == Ipv6Mode::block) add("--ipv6", "block");
    if (config_.ipv6 == Ipv6Mode::ignore) add("--ipv6", "ignore");
    if (config_.own_address == OwnAddress::direct) add("--proxy-to-own-address", "direct");
    add_switch("--reject-quic", config_.reject_quic);
    add_switch("--hold-until-listening=false", !config_.hold_until_listening);
    if (config_.close_wait_timeout != RedirectConfig{}.close_wait_timeout)
      add("--close-wait-timeout", id_text(config_.close_wait_timeout) + "s");
  }

  static std::string hexadecimal(std::uint32_t value) {
    char text[16];
    std::snprintf(text, sizeof text, "0x%x", value);
    return text;
  }

  const RedirectConfig& config_;
  std::vector<std::string> words_;
};

// The surroundings that the words describe, and nothing of the real ones.
Environment described_environment(std::map<std::string, std::string> variables) {
  Environment environment;
  environment.variable = [variables](const std::string& name) -> std::optional<std::string> {
    const auto at = variables.find(name);
    if (at == variables.end()) return std::nullopt;
    return at->second;
  };
  environment.read_file = [variables](const std::string& path) -> Result<std::string> {
    const auto servers = variables.find(std::string(kServersVariable));
    if (path != kServersFile || servers == variables.end())
      return Error{"'" + path + "': not looked at"};
    if (servers->second.empty()) return std::string();
    std::string text = "nameserver " + servers->second + "\n";
    for (auto comma = text.find(','); comma != std::string::npos; comma = text.find(','))
      text.replace(comma, 1, "\nnameserver ");
    return text;
  };
  return environment;
}

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("-_=,./:+@%").find(c) != std::string_view::npos;
}

}  // namespace

RedirectConfig canonical(RedirectConfig config) {
  sort_out(config.proxy_uids);
  sort_out(config.proxy_gids);
  if (config.outbound_cidrs.all) config.outbound_cidrs.ranges.clear();
  sort_out(config.outbound_cidrs.ranges);
  sort_out(config.outbound_excluded_cidrs);
  sort_out(config.inbound_excluded_sources);
  sort_out(config.excluded_interfaces);
  sort_out(config.virtual_interfaces);
  sort_out(config.virtual_networks);
  if (config.owner_groups.all) config.owner_groups.included.clear();
  sort_out(config.owner_groups.included);
  sort_out(config.owner_groups.excluded);
  if (config.dns.scope != DnsScope::servers) config.dns.servers.clear();
  sort_out(config.dns.servers);
  return config;
}

std::vector<std::string> to_arguments(const RedirectConfig& config) {
  const RedirectConfig ordered = canonical(config);
  return Words(ordered).take();
}

std::optional<std::vector<std::string>> to_arguments_within(const RedirectConfig& config,
                                                            std::size_t limit) {
  const RedirectConfig ordered = canonical(config);
  const std::size_t networks = shortest_text(ordered.outbound_cidrs.ranges) +
                               shortest_text(ordered.outbound_excluded_cidrs) +
                               shortest_text(ordered.inbound_excluded_sources);
  if (networks > limit) return std::nullopt;
  std::vector<std::string> words = Words(ordered).take();
  std::size_t length = 0;
  for (const std::string& word : words) length += (length == 0 ? 0 : 1) + word.size();
  if (length > limit) return std::nullopt;
  return words;
}

Result<RedirectConfig> from_arguments(const std::vector<std::string>& words) {
  std::map<std::string, std::string> variables;
  std::vector<const char*> flags;
  for (const std::string& word : words) {
    const auto equals = word.find('=');
    if (flags.empty() && !word.starts_with('-') && equals != std::string::npos)
      variables[word.substr(0, equals)] = word.substr(equals + 1);
    else
      flags.push_back(word.c_str());
  }
  TRY(Options options, parse_options(flags, described_environment(std::move(variables))));
  return canonical(std::move(options.config));
}

std::string shell_text(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) {
    if (!text.empty()) text += ' ';
    const bool plain = !word.empty() && std::all_of(word.begin(), word.end(), is_plain);
    text += plain ? word : "'" + word + "'";
  }
  return text;
}

}  // namespace weir::init
