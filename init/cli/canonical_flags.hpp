// SPDX-License-Identifier: Apache-2.0
// RedirectConfig ↔ the flags that say it: one spelling for each configuration. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.hpp"
#include "init/rules/redirect_config.hpp"

namespace weir::init {

/// The same configuration with every list whose order means nothing sorted and without repetitions,
/// prefixes merged: configurations that differ in spelling only are equal then.
RedirectConfig canonical(RedirectConfig config);

/// Words of a command line: first `NAME=VALUE` for what only the environment says, then flags. What
/// has istio-iptables' default is left out, but for the proxy's users and groups, whose default
/// depends on the machine. RESOLV_CONF holds the servers of /etc/resolv.conf as they were. No word
/// contains a blank.
std::vector<std::string> to_arguments(const RedirectConfig& config);

/// The same, or nothing when they are longer than `limit` bytes, with blanks between them: found
/// out without writing a long list.
std::optional<std::vector<std::string>> to_arguments_within(const RedirectConfig& config,
                                                            std::size_t limit);

/// The opposite: reads nothing of this process or machine. from_arguments(to_arguments(c)) ==
/// canonical(c).
Result<RedirectConfig> from_arguments(const std::vector<std::string>& words);

/// The words for a shell: `*` and the like in quotes.
std::string shell_text(const std::vector<std::string>& words);

}  // namespace weir::init
