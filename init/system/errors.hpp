// SPDX-License-Identifier: Apache-2.0
// What a failed system call means for the user: errno × operation → cause and remedy. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/result.hpp"
#include "init/rules/rule.hpp"

namespace weir::init {

/// What was tried.
enum class Operation : std::uint8_t {
  open_netlink,  // the socket to nf_tables
  read_rules,
  add_chain,  // or the table
  add_set,
  add_element,
  add_object,  // a connection tracking timeout
  add_rule,
  remove_rules,
  routing,          // an address, a routing rule or a route
  lock,             // among several weir-init
  legacy_lock,      // /run/xtables.lock
  enter_namespace,  // open and setns
  legacy_socket,
  legacy_read,
  legacy_write,
  probe  // a test connection, as another user
};
inline constexpr std::size_t kOperationCount = 16;

/// What the process has, as far as it explains a failure.
struct Surroundings {
  bool net_admin = true;  // effective, in the process' own user namespace
  bool net_raw = true;
  bool sys_admin = true;
  bool initial_user_namespace = true;
  bool gvisor = false;
  bool operator==(const Surroundings&) const = default;
};

struct Explanation {
  std::string_view cause;   // empty: the kernel's words say it all
  std::string_view remedy;  // may be empty
  int code = 0;             // the errno that the exit code follows from; see Backend
  bool operator==(const Explanation&) const = default;
};

Explanation explain_errno(Operation operation, int code, const Surroundings& surroundings);

/// "<what>: <kernel's words>; <cause>: <remedy>", with the errno of the Explanation. `parts` names
/// what the kernel may lack, as kernel_parts() does; may be empty.
Error explained_error(Operation operation, std::string_view what, const Error& error,
                      const Surroundings& surroundings, std::string_view parts = {});

/// What of the kernel a rule needs beyond nf_tables itself: "nft_tproxy (CONFIG_NFT_TPROXY),
/// nft_socket (CONFIG_NFT_SOCKET)". Empty when nothing.
std::string kernel_parts(const Rule& rule);

/// From the text of /proc/self/status, /proc/self/uid_map and /proc/version; what is missing is
/// taken for granted.
Surroundings parse_surroundings(std::string_view status, std::string_view uid_map,
                                std::string_view version);

/// Of this process.
Surroundings surroundings();

}  // namespace weir::init
