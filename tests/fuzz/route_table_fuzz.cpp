// SPDX-License-Identifier: Apache-2.0
// Any authority, path and header against a table with every kind of domain and matcher: the answer
// is the one that a plain reading of the rules gives, and rewrites keep what they must keep.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "proxy/route/regex.hpp"
#include "proxy/route/route_table.hpp"

namespace {

using namespace weir;
using namespace weir::route;

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

Route route(RouteMatch::Path kind, std::string path, bool case_sensitive = true) {
  Route out;
  out.match.kind = kind;
  out.match.path = std::move(path);
  out.match.case_sensitive = case_sensitive;
  if (kind == RouteMatch::Path::regex) out.match.regex = *compile_regex(out.match.path);
  return out;
}

std::vector<Route> routes() {
  using Path = RouteMatch::Path;
  std::vector<Route> out{route(Path::exact, "/exact"),
                         route(Path::exact, "/case", false),
                         route(Path::prefix, "/p/"),
                         route(Path::prefix, "/q", false),
                         route(Path::separated_prefix, "/s"),
                         route(Path::regex, "/r(.*)x"),
                         route(Path::connect, ""),
                         route(Path::prefix, "/")};
  out[2].match.headers.push_back(
      {"x", HeaderMatcher::Kind::string, {StringMatcher::Kind::contains, "a", true, nullptr}});
  out[3].match.headers.push_back({"x", HeaderMatcher::Kind::range, {}, -5, 100});
  out[7].match.query.push_back({"k",
                                QueryParameterMatcher::Kind::string,
                                {StringMatcher::Kind::prefix, "v", false, nullptr}});
  return out;
}

const std::vector<std::string> kDomains{"a.b",   "*.a.b", "*-x.a.b", "a.*", "a.b.*",
                                        "[::1]", "a.b:1", "",        "*"};

std::shared_ptr<const RouteTable> table(bool ignore_port) {
  auto config = std::make_shared<RouteConfig>();
  config->ignore_port_in_host_matching = ignore_port;
  for (const std::string& domain : kDomains) {
    VirtualHost host;
    host.name = domain;
    host.domains = {domain};
    host.routes = routes();
    config->virtual_hosts.push_back(std::move(host));
  }
  return *RouteTable::build(config);
}

/// The rules of find_host, in the plainest way.
std::string expected_domain(std::string authority, bool ignore_port) {
  if (ignore_port) {
    const std::size_t colon = authority.rfind(':');
    const std::size_t bracket = authority.rfind(']');
    if (colon != std::string::npos && (bracket == std::string::npos || bracket < colon))
      authority.resize(colon);
  }
  for (char& c : authority)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  const auto is = [&](const std::string& domain) { return domain == authority; };
  if (authority != "*" && std::any_of(kDomains.begin(), kDomains.end(), is) &&
      authority.find('*') == std::string::npos)
    return authority;
  std::string best;
  for (const std::string& domain : kDomains)
    if (domain.starts_with('*') && domain.size() > 1 && authority.size() >= domain.size() &&
        authority.ends_with(domain.substr(1)) && domain.size() > best.size())
      best = domain;
  if (!best.empty()) return best;
  for (const std::string& domain : kDomains)
    if (domain.ends_with('*') && domain.size() > 1 && authority.size() >= domain.size() &&
        authority.starts_with(domain.substr(0, domain.size() - 1)) && domain.size() > best.size())
      best = domain;
  return best.empty() ? "*" : best;
}

void check_hosts(std::string_view authority) {
  static const auto kPlain = table(false);
  static const auto kAnyPort = table(true);
  for (const bool ignore_port : {false, true}) {
    const VirtualHost* const host = (ignore_port ? kAnyPort : kPlain)->find_host(authority);
    require(host != nullptr, "a virtual host is found");
    require(host->name == expected_domain(std::string(authority), ignore_port),
            "it is the right one");
  }
}

void check_rewrites(const RouteMatch& match, std::string_view authority, std::string_view path) {
  static const RegexRewrite kRegex{*compile_regex("/([^/]*)/(.*)"), "/\\2/\\1"};
  const std::string_view rest = path.substr(std::min(path.find_first_of("?#"), path.size()));
  const auto prefixed = rewritten_path(match, {"/new", std::nullopt}, path);
  require(prefixed && prefixed->starts_with("/new") && prefixed->ends_with(rest),
          "a new prefix, and the query as it was");
  const auto replaced = rewritten_path(match, {"", kRegex}, path);
  require(replaced && replaced->ends_with(rest), "the query is not rewritten");
  require(!rewritten_path(match, {}, path), "nothing is rewritten without being asked for");

  RedirectAction redirect;
  redirect.https = true;
  redirect.strip_query = true;
  const std::string location = redirect_location(redirect, match, "http", authority, path);
  require(location.starts_with("https://"), "the new scheme");
  require(path.find('?') == std::string_view::npos ||
              authority.find('?') != std::string_view::npos ||
              location.find('?') == std::string::npos,
          "no query when it is stripped");
}

void check_route(std::string_view authority, std::string_view path, std::string_view value) {
  static const auto kTable = table(false);
  http::ArenaPool pool;
  http::Arena arena(pool);
  http::HeaderMap headers(arena);
  headers.add(":method", value == "CONNECT" ? "CONNECT" : "GET");
  headers.add(":path", path);
  headers.add("x", value);
  const VirtualHost& host = *kTable->find_host(authority);
  const Route* const found = kTable->find_route(host, headers, 0);
  if (found == nullptr) return;
  require(found >= host.routes.data() && found < host.routes.data() + host.routes.size(),
          "the route is one of the host's");
  if (found->match.kind == RouteMatch::Path::connect) require(value == "CONNECT", "a CONNECT");
  check_rewrites(found->match, authority, path);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // Authority, path and a header's value, each on a line.
  std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto take = [&] {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return line;
  };
  const std::string_view authority = take();
  const std::string_view path = take();
  const std::string_view value = take();
  check_hosts(authority);
  check_route(authority, path, value);
  return 0;
}
