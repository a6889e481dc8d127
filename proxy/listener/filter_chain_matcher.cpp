// SPDX-License-Identifier: Apache-2.0
#include "proxy/listener/filter_chain_matcher.hpp"

#include <algorithm>
#include <vector>

namespace weir::listener {
namespace {

using config::FilterChainConfig;
using config::FilterChainMatchConfig;
using config::ListenerConfig;
using config::SourceType;

/// An empty list of prefixes means every address of both families.
std::vector<CidrRange> or_everything(const std::vector<CidrRange>& ranges) {
  if (!ranges.empty()) return ranges;
  return {CidrRange(IpAddress::any(IpFamily::v4), 0), CidrRange(IpAddress::any(IpFamily::v6), 0)};
}

/// An empty list of names means "no name", which the tree keeps under "".
std::vector<std::string> or_no_name(const std::vector<std::string>& names) {
  return names.empty() ? std::vector<std::string>{std::string()} : names;
}

std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

bool is_wildcard(std::string_view name) { return name.starts_with("*."); }

bool has_partial_wildcard(std::string_view name) {
  if (is_wildcard(name)) name.remove_prefix(2);
  return name.empty() || name.find('*') != std::string_view::npos;
}

Error refuse(const ListenerConfig& listener, std::string_view reason) {
  std::string addresses;
  for (const auto& address : listener.addresses)
    addresses += (addresses.empty() ? "" : ",") + address.address.to_string();
  return Error{"error adding listener '" + addresses + "': " + std::string(reason)};
}

Error conflict(const ListenerConfig& listener, const FilterChainConfig& chain) {
  for (const auto& other : listener.filter_chains) {
    if (&other == &chain) break;
    if (other.match == chain.match)
      return refuse(listener, "filter chain '" + chain.name +
                                  "' has the same matching rules defined as '" + other.name + "'");
  }
  return refuse(listener, "multiple filter chains with overlapping matching rules are defined");
}

}  // namespace

Result<FilterChainMatcher> FilterChainMatcher::build(const ListenerConfig& listener) {
  FilterChainMatcher matcher;
  if (listener.default_filter_chain) matcher.default_ = &*listener.default_filter_chain;
  if (listener.filter_chains.empty() && matcher.default_ == nullptr)
    return refuse(listener, "no filter chains specified");
  for (const auto& chain : listener.filter_chains) {
    for (const auto& name : chain.match.server_names)
      if (has_partial_wildcard(name))
        return refuse(listener, "partial wildcards are not supported in \"server_names\"");
    if (!matcher.insert(&chain)) return conflict(listener, chain);
  }
  const auto& chains = listener.filter_chains;
  if (chains.size() == 1 && chains.front().match == FilterChainMatchConfig{})
    matcher.only_ = &chains.front();
  return matcher;
}

FilterChainMatcher::TransportProtocols& FilterChainMatcher::ServerNames::at_or_add(
    const std::string& name) {
  return is_wildcard(name) ? wildcards[name.substr(2)] : names.at_or_add(name);
}

bool FilterChainMatcher::insert(Chain chain) {
  Destinations& destinations = tree_.at_or_add(chain->match.destination_port);
  const auto ranges = or_everything(chain->match.prefix_ranges);
  return std::all_of(ranges.begin(), ranges.end(), [&](const CidrRange& range) {
    return insert_names(destinations[range], chain);
  });
}

bool FilterChainMatcher::insert_names(ServerNames& node, Chain chain) {
  const auto names = or_no_name(chain->match.server_names);
  return std::all_of(names.begin(), names.end(), [&](const std::string& name) {
    return insert_protocols(node.at_or_add(lower(name)), chain);
  });
}

bool FilterChainMatcher::insert_protocols(TransportProtocols& node, Chain chain) {
  ApplicationProtocols& applications = node.at_or_add(chain->match.transport_protocol);
  const auto protocols = or_no_name(chain->match.application_protocols);
  return std::all_of(protocols.begin(), protocols.end(), [&](const std::string& protocol) {
    return insert_sources(applications.at_or_add(protocol), chain);
  });
}

bool FilterChainMatcher::insert_sources(DirectSources& node, Chain chain) {
  const auto type = static_cast<std::size_t>(chain->match.source_type);
  const auto sources = or_everything(chain->match.source_prefix_ranges);
  for (const CidrRange& direct : or_everything(chain->match.direct_source_prefix_ranges))
    for (const CidrRange& source : sources)
      if (!insert_source_ports(node[direct][type][source], chain)) return false;
  return true;
}

bool FilterChainMatcher::insert_source_ports(SourcePorts& node, Chain chain) {
  // A chain that names one value twice meets itself, which is harmless.
  const auto take = [chain](Chain& place) {
    if (place != nullptr && place != chain) return false;
    place = chain;
    return true;
  };
  const auto& ports = chain->match.source_ports;
  if (ports.empty()) return take(node.at_or_add(std::nullopt));
  return std::all_of(ports.begin(), ports.end(),
                     [&](std::uint16_t port) { return take(node.at_or_add(port)); });
}

const FilterChainConfig* FilterChainMatcher::find(const MatchInput& input) const {
  if (only_ != nullptr) return only_;
  const Chain chain = find_in_tree(input);
  return chain != nullptr ? chain : default_;
}

FilterChainMatcher::Chain FilterChainMatcher::find_in_tree(const MatchInput& input) const {
  // A port that has chains of its own hides the chains without a port, even when none of its own
  // matches.
  const Destinations* destinations = tree_.find(input.destination.port);
  if (destinations == nullptr) return nullptr;
  const ServerNames* names = destinations->find(input.destination.address);
  if (names == nullptr) return nullptr;
  const TransportProtocols* transports = find_name(*names, input.server_name);
  if (transports == nullptr) return nullptr;
  const DirectSources* direct_sources = find_protocols(*transports, input);
  if (direct_sources == nullptr) return nullptr;
  const SourceTypes* types = direct_sources->find(input.direct_source);
  if (types == nullptr) return nullptr;
  const Sources* sources = find_source_type(*types, input);
  if (sources == nullptr) return nullptr;
  const SourcePorts* ports = sources->find(input.source.address);
  if (ports == nullptr) return nullptr;
  const Chain* chain = ports->find(input.source.port);
  return chain == nullptr ? nullptr : *chain;
}

const FilterChainMatcher::TransportProtocols* FilterChainMatcher::find_name(const ServerNames& node,
                                                                            std::string_view name) {
  if (!name.empty()) {
    const auto exact = node.names.exact.find(name);
    if (exact != node.names.exact.end()) return &exact->second;
    // "a.b.c" asks for "*.b.c", then "*.c". The name is at most 255 bytes: see
    // tls/client_hello.hpp.
    for (auto dot = node.wildcards.empty() ? std::string_view::npos : name.find('.', 1);
         dot != std::string_view::npos; dot = name.find('.', dot + 1)) {
      const auto wildcard = node.wildcards.find(name.substr(dot + 1));
      if (wildcard != node.wildcards.end()) return &wildcard->second;
    }
  }
  return node.names.any ? &*node.names.any : nullptr;
}

const FilterChainMatcher::DirectSources* FilterChainMatcher::find_protocols(
    const TransportProtocols& node, const MatchInput& input) {
  const auto transport = node.exact.find(input.transport_protocol);
  if (transport == node.exact.end() && !node.any) return nullptr;
  const ApplicationProtocols& applications =
      transport != node.exact.end() ? transport->second : *node.any;
  if (!applications.exact.empty())
    for (const std::string& protocol : input.application_protocols) {
      const auto exact = applications.exact.find(protocol);
      if (exact != applications.exact.end()) return &exact->second;
    }
  return applications.any ? &*applications.any : nullptr;
}

const FilterChainMatcher::Sources* FilterChainMatcher::find_source_type(const SourceTypes& node,
                                                                        const MatchInput& input) {
  const bool local =
      input.source.address.is_loopback() || input.source.address == input.destination.address;
  const auto type = local ? SourceType::same_ip_or_loopback : SourceType::external;
  const Sources& specific = node[static_cast<std::size_t>(type)];
  if (!specific.empty()) return &specific;
  const Sources& any = node[static_cast<std::size_t>(SourceType::any)];
  return any.empty() ? nullptr : &any;
}

}  // namespace weir::listener
