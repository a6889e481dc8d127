// SPDX-License-Identifier: Apache-2.0
// What this process may do, and on what: capabilities, user namespace, kind of kernel.
#include <linux/capability.h>

#include <charconv>
#include <string>

#include "init/system/errors.hpp"
#include "init/system/small_file.hpp"

namespace weir::init {
namespace {

std::uint64_t effective_capabilities(std::string_view status) {
  constexpr std::string_view kName = "\nCapEff:\t";
  std::uint64_t set = ~std::uint64_t{0};
  const auto at = status.find(kName);
  if (at == std::string_view::npos) return set;
  const char* const begin = status.data() + at + kName.size();
  std::from_chars(begin, status.data() + status.size(), set, 16);
  return set;
}

bool has(std::uint64_t set, unsigned capability) { return ((set >> capability) & 1) != 0; }

// In the initial one every user is itself: "0 0 4294967295".
bool is_initial(std::string_view uid_map) {
  const auto digits = uid_map.find_first_not_of(" \t");
  if (digits == std::string_view::npos) return true;
  return uid_map.substr(digits).starts_with('0') &&
         uid_map.find(" 4294967295") != std::string_view::npos;
}

// Its /proc/version is that of one fixed day.
bool is_gvisor(std::string_view version) {
  return version.find("gVisor") != std::string_view::npos ||
         version.find("Sun Jan 10 15:06:54 PST 2016") != std::string_view::npos;
}

std::string text_of(const char* path) { return read_small_file(path).value_or(std::string()); }

}  // namespace

Surroundings parse_surroundings(std::string_view status, std::string_view uid_map,
                                std::string_view version) {
  const std::uint64_t set = effective_capabilities(status);
  return {has(set, CAP_NET_ADMIN), has(set, CAP_NET_RAW), has(set, CAP_SYS_ADMIN),
          is_initial(uid_map), is_gvisor(version)};
}

Surroundings surroundings() {
  return parse_surroundings(text_of("/proc/self/status"), text_of("/proc/self/uid_map"),
                            text_of("/proc/version"));
}

}  // namespace weir::init
