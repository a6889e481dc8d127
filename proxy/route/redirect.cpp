// SPDX-License-Identifier: Apache-2.0
#include "proxy/route/path.hpp"
#include "proxy/route/route_table.hpp"

namespace weir::route {
namespace {

bool is_default_port(std::string_view scheme, std::string_view port) {
  return (scheme == "https" && port == ":443") || (scheme == "http" && port == ":80");
}

/// The request's authority without a port that the new scheme or port contradicts.
std::string_view kept_host(const RedirectAction& redirect, std::string_view old_scheme,
                           std::string_view new_scheme, std::string_view authority) {
  const std::size_t port = port_start(authority);
  if (redirect.port ||
      (new_scheme != old_scheme && is_default_port(old_scheme, authority.substr(port))))
    return authority.substr(0, port);
  return authority;
}

std::string new_path(const RedirectAction& redirect, const RouteMatch& match,
                     std::string_view path) {
  if (redirect.path.empty()) {
    std::string out = rewritten_path(match, redirect.rewrite, path).value_or(std::string(path));
    if (redirect.strip_query) out.resize(std::min(out.find('?'), out.size()));
    return out;
  }
  std::string out = redirect.path;
  const std::size_t query = path.find('?');
  const bool has_query = out.find('?') != std::string::npos;  // which is kept whatever strip_query
  if (!has_query && !redirect.strip_query && query != std::string_view::npos)
    out += path.substr(query);
  return out;
}

}  // namespace

std::string redirect_location(const RedirectAction& redirect, const RouteMatch& match,
                              std::string_view scheme, std::string_view authority,
                              std::string_view path) {
  const std::string_view new_scheme = !redirect.scheme.empty() ? std::string_view(redirect.scheme)
                                      : redirect.https         ? "https"
                                                               : scheme;
  std::string out(new_scheme);
  out += "://";
  out += redirect.host ? std::string_view(*redirect.host)
                       : kept_host(redirect, scheme, new_scheme, authority);
  if (redirect.port) out += ":" + std::to_string(*redirect.port);
  const std::string target = new_path(redirect, match, path);
  if (!target.starts_with('/')) out += '/';
  return out + target;
}

}  // namespace weir::route
