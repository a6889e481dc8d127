// SPDX-License-Identifier: Apache-2.0
// What this process may do, and on what: capabilities, user namespace, kind of kernel.
#include <linux/capability.h>

#include <array>
#include <charconv>
#include <string>

#include <fcntl.h>
#include <unistd.h>

#include "common/unique_fd.hpp"
#include "init/errors.hpp"

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

// The beginning of a small file of /proc; empty when there is none.
std::string read_beginning(const char* path) {
  const UniqueFd fd(::open(path, O_RDONLY | O_CLOEXEC));
  if (!fd) return {};
  std::array<char, 4096> text{};
  const ssize_t size = ::read(fd.get(), text.data(), text.size());
  return {text.data(), static_cast<std::size_t>(size > 0 ? size : 0)};
}

}  // namespace

Surroundings parse_surroundings(std::string_view status, std::string_view uid_map,
                                std::string_view version) {
  const std::uint64_t set = effective_capabilities(status);
  return {has(set, CAP_NET_ADMIN), has(set, CAP_NET_RAW), has(set, CAP_SYS_ADMIN),
          is_initial(uid_map), is_gvisor(version)};
}

Surroundings surroundings() {
  return parse_surroundings(read_beginning("/proc/self/status"),
                            read_beginning("/proc/self/uid_map"), read_beginning("/proc/version"));
}

}  // namespace weir::init
