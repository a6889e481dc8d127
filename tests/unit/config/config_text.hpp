// SPDX-License-Identifier: Apache-2.0
// Small bootstraps as text, and what configuration says about them.
#pragma once

#include <ostream>
#include <string>

#include <gtest/gtest.h>

#include "proxy/config/bootstrap.hpp"

namespace weir::config::testing {

struct Messages {
  std::string errors;
  std::string warnings;
};

/// Loads `text` and returns what was said; places have no file name.
Messages load(const std::string& text, ListenerCheck check = nullptr);

/// A listener named l. `tail` is appended to it, at four spaces.
std::string listener(const std::string& tail,
                     const std::string& address = "{ address: 198.51.100.1, port_value: 80 }");
/// A cluster named c. `tail` is appended to it, at four spaces.
std::string cluster(const std::string& tail);
/// A listener with one tcp_proxy, whose `fields` are at ten spaces.
std::string tcp_proxy(const std::string& fields);
/// A listener with one http_connection_manager, whose further `fields` are at ten spaces and begin
/// on line 13.
std::string hcm(const std::string& fields,
                const std::string& filters = "[ { name: envoy.filters.http.router } ]",
                const std::string& routes = "{}");
/// One with a route whose `fields` are at sixteen spaces and begin on line 18.
std::string one_route(const std::string& fields);
/// A listener with one access log of `type`, whose `fields` are at eight spaces.
std::string access_log(const std::string& type, const std::string& fields);

inline const std::string kListener = "static_resources.listeners[0]";
inline const std::string kCluster = "static_resources.clusters[0]";
inline const std::string kFilter = kListener + ".filter_chains[0].filters[0]";
inline const std::string kHcm = kFilter + ".typed_config";
inline const std::string kRoute = kHcm + ".route_config.virtual_hosts[0].routes[0]";
inline const std::string kNoRouter =
    "11:27: " + kHcm +
    ".http_filters[0]: filter 'envoy.filters.http.router' has no typed_config: its defaults are "
    "used";
inline const std::string kChains = "    filter_chains: [ {} ]\n";
inline const std::string kFile = "envoy.extensions.access_loggers.file.v3.FileAccessLog";

/// A text that is refused, with exactly what is said about it.
struct RejectCase {
  const char* name;
  std::string text;
  std::string errors;
};
void PrintTo(const RejectCase& item, std::ostream* out);

class Reject : public ::testing::TestWithParam<RejectCase> {};

inline std::string case_name(const ::testing::TestParamInfo<RejectCase>& info) {
  return info.param.name;
}

}  // namespace weir::config::testing
