// SPDX-License-Identifier: Apache-2.0
#include "proxy/route/path.hpp"
#include "proxy/route/regex.hpp"
#include "proxy/route/route_table.hpp"

namespace weir::route {
namespace {

/// How much of `path` the matcher stands for: what a prefix_rewrite replaces.
std::size_t matched_length(const RouteMatch& match, std::string_view path) {
  const std::size_t whole = path_only(path).size();
  switch (match.kind) {
    case RouteMatch::Path::prefix:
    case RouteMatch::Path::separated_prefix:
      return std::min(match.path.size(), whole);
    case RouteMatch::Path::exact:
    case RouteMatch::Path::regex:
    case RouteMatch::Path::connect:
      return whole;
  }
  return whole;
}

}  // namespace

std::optional<std::string> rewritten_path(const RouteMatch& match, const PathRewrite& rewrite,
                                          std::string_view path) {
  if (!rewrite.prefix.empty()) {
    std::string out = rewrite.prefix;
    out += path.substr(matched_length(match, path));
    return out;
  }
  if (!rewrite.regex) return std::nullopt;
  const std::string_view before = path_only(path);
  std::string out = replace_all(*rewrite.regex->pattern, before, rewrite.regex->substitution);
  out += path.substr(before.size());
  return out;
}

}  // namespace weir::route
