// SPDX-License-Identifier: Apache-2.0
#include "proxy/route/route_table.hpp"

#include <algorithm>
#include <array>

#include "proxy/route/ascii_case.hpp"
#include "proxy/route/path.hpp"
#include "proxy/route/regex.hpp"

namespace weir::route {
namespace {

using http::HeaderId;

bool is_lower_case(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

/// The value of :path. Most routes match a prefix of it and never ask where its query begins.
class RequestPath {
 public:
  explicit RequestPath(std::string_view whole) noexcept : whole_(whole) {}

  /// `prefix` is in lower case when `case_sensitive` is false.
  [[nodiscard]] bool starts_with(std::string_view prefix, bool case_sensitive) const noexcept {
    const bool begins =
        case_sensitive ? whole_.starts_with(prefix) : starts_with_in_lower(whole_, prefix);
    return begins && path_only(prefix).size() == prefix.size();  // not into the query
  }
  /// Without query and fragment.
  [[nodiscard]] std::string_view path() noexcept {
    if (length_ > whole_.size()) length_ = path_only(whole_).size();
    return whole_.substr(0, length_);
  }
  [[nodiscard]] std::string_view query() const noexcept { return query_of(whole_); }

 private:
  std::string_view whole_;
  std::size_t length_ = std::string_view::npos;  // of the path, once it is known
};

bool matches_path(const RouteMatch& match, RequestPath& path) {
  switch (match.kind) {
    case RouteMatch::Path::prefix:
      return path.starts_with(match.path, match.case_sensitive);
    case RouteMatch::Path::exact:
      return match.case_sensitive ? path.path() == match.path
                                  : is_in_lower(path.path(), match.path);
    case RouteMatch::Path::separated_prefix:
      return path.starts_with(match.path, match.case_sensitive) &&
             (path.path().size() == match.path.size() || path.path()[match.path.size()] == '/');
    case RouteMatch::Path::regex:
      return matches_whole(*match.regex, path.path());
    case RouteMatch::Path::connect:
      return false;  // decided by the method
  }
  return false;
}

/// "application/grpc", or that with a '+'; grpc-web is another protocol.
bool is_grpc(const http::HeaderMap& headers) {
  constexpr std::string_view kType = "application/grpc";
  const std::string_view type = headers.get(HeaderId::content_type);
  return type.starts_with(kType) && (type.size() == kType.size() || type[kType.size()] == '+');
}

bool matches_rest(const RouteMatch& match, const http::HeaderMap& headers, const RequestPath& path,
                  std::uint64_t random) {
  if (match.fraction && !match.fraction->holds(random)) return false;
  if (match.grpc && !is_grpc(headers)) return false;
  if (!all_match(match.headers, headers)) return false;
  if (match.query.empty()) return true;
  return std::all_of(match.query.begin(), match.query.end(),
                     [&](const auto& parameter) { return parameter.matches(path.query()); });
}

}  // namespace

/// Sorts domains into the indices of a table.
class RouteTable::Builder {
 public:
  explicit Builder(RouteTable& table) : table_(table) {}

  Result<void> add(const std::string& domain, const VirtualHost& host) {
    if (domain == "*") {
      if (table_.any_ != nullptr)
        return Error{"Only a single wildcard domain is permitted in route " + table_.config_->name};
      table_.any_ = &host;
      return {};
    }
    if (index_of(domain).emplace(without_star(domain), &host).second) return {};
    return Error{"Only unique values for domains are permitted. Duplicate entry of domain " +
                 domain + " in route " + table_.config_->name};
  }

  void finish() {
    const auto longer = [](const Wildcards& a, const Wildcards& b) { return a.length > b.length; };
    std::sort(table_.suffixes_.begin(), table_.suffixes_.end(), longer);
    std::sort(table_.prefixes_.begin(), table_.prefixes_.end(), longer);
    table_.only_any_ =
        table_.exact_.empty() && table_.suffixes_.empty() && table_.prefixes_.empty();
  }

 private:
  static std::string without_star(const std::string& domain) {
    if (domain.starts_with('*')) return domain.substr(1);
    return domain.substr(0, domain.size() - (domain.ends_with('*') ? 1 : 0));
  }

  Index& index_of(const std::string& domain) {
    if (domain.starts_with('*')) return of_length(table_.suffixes_, domain.size() - 1);
    if (domain.ends_with('*')) return of_length(table_.prefixes_, domain.size() - 1);
    return table_.exact_;
  }

  static Index& of_length(std::vector<Wildcards>& all, std::size_t length) {
    for (Wildcards& wildcards : all)
      if (wildcards.length == length) return wildcards.hosts;
    all.push_back({length, {}});
    return all.back().hosts;
  }

  RouteTable& table_;
};

Result<std::shared_ptr<const RouteTable>> RouteTable::build(
    std::shared_ptr<const RouteConfig> config) {
  const std::shared_ptr<RouteTable> table(new RouteTable());
  table->config_ = std::move(config);
  Builder builder(*table);
  for (const VirtualHost& host : table->config_->virtual_hosts)
    for (const std::string& domain : host.domains)
      if (const auto ok = builder.add(domain, host); !ok) return ok.error();
  builder.finish();
  return std::shared_ptr<const RouteTable>(table);
}

const VirtualHost* RouteTable::find_host(std::string_view authority) const {
  if (only_any_) return any_;
  if (config_->ignore_port_in_host_matching) authority = authority.substr(0, port_start(authority));
  if (is_lower_case(authority)) return find_lower(authority);
  std::array<char, 256> small;
  if (authority.size() <= small.size()) {
    std::transform(authority.begin(), authority.end(), small.begin(), lower);
    return find_lower({small.data(), authority.size()});
  }
  std::string large(authority);
  std::transform(large.begin(), large.end(), large.begin(), lower);
  return find_lower(large);
}

const VirtualHost* RouteTable::find_lower(std::string_view authority) const {
  if (const auto at = exact_.find(authority); at != exact_.end()) return at->second;
  // A wildcard stands for at least one character.
  for (const auto& [length, hosts] : suffixes_) {
    if (length >= authority.size()) continue;
    if (const auto at = hosts.find(authority.substr(authority.size() - length)); at != hosts.end())
      return at->second;
  }
  for (const auto& [length, hosts] : prefixes_) {
    if (length >= authority.size()) continue;
    if (const auto at = hosts.find(authority.substr(0, length)); at != hosts.end())
      return at->second;
  }
  return any_;
}

const Route* RouteTable::find_route(const VirtualHost& host, const http::HeaderMap& headers,
                                    std::uint64_t random) const {
  const bool has_path = headers.has(HeaderId::path);
  RequestPath path(headers.get(HeaderId::path));
  for (const Route& route : host.routes) {
    const bool matches = route.match.kind == RouteMatch::Path::connect
                             ? headers.get(HeaderId::method) == "CONNECT"
                             : has_path && matches_path(route.match, path);
    if (matches && matches_rest(route.match, headers, path, random)) return &route;
  }
  return nullptr;
}

}  // namespace weir::route
