// SPDX-License-Identifier: Apache-2.0
// Flags and environment → Options. The only place that knows what they mean.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.hpp"
#include "init/cli/command_line.hpp"
#include "init/rules/redirect_config.hpp"

namespace weir::init {

/// The first word of the command line; `install` without one.
enum class Command : std::uint8_t {
  install,
  cleanup,
  verify,
  status,
  diff,
  explain,
  check,
  watch,
  confirm,
  completion,
  man
};

enum class BackendKind : std::uint8_t { automatic, nftables, legacy };

/// What `explain` is asked about. Absent: the default, or what the kernel would choose.
struct ExplainQuery {
  bool inbound = false;
  bool udp = false;
  std::optional<std::uint32_t> uid;
  std::optional<std::uint32_t> gid;
  std::optional<IpAddress> from;
  std::uint16_t from_port = 0;
  std::optional<IpAddress> to;
  std::uint16_t to_port = 0;
  std::string interface;
  std::uint32_t mark = 0;
  bool operator==(const ExplainQuery&) const = default;
};

struct Options {
  Command command = Command::install;
  bool command_given = false;  // by a word
  RedirectConfig config;
  /// A flag or variable says what is captured: verify, diff and explain then compare with that,
  /// else with what the kernel's own table says it was installed with.
  bool has_config = false;
  BackendKind backend = BackendKind::automatic;
  std::chrono::milliseconds lock_timeout{30'000};
  bool verify = true;           // after an installation
  bool run_validation = false;  // istio-iptables' exit code for a failed proof
  std::string network_namespace;
  bool host = false;
  std::chrono::milliseconds confirm{0};  // 0 = keep at once
  std::string termination_log = "/dev/termination-log";
  bool json = false;
  bool log_as_json = false;
  bool own_table = false;
  ExplainQuery explain;
  std::string shell;  // completion
  bool help = false;
  bool version = false;
  bool dry_run = false;
  std::string dry_run_file;  // empty = standard output
  bool cleanup_only = false;
  bool skip_rule_apply = false;
  std::vector<std::string> warnings;
  bool operator==(const Options&) const = default;
};

/// Every error is one of usage: it names the flag or variable and quotes the value.
/// @param program argv[0], by which the command lines of Kuma and linkerd are known.
Result<Options> parse_options(std::span<const char* const> arguments,
                              const Environment& environment, std::string_view program = {});

}  // namespace weir::init
