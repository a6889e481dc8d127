// SPDX-License-Identifier: Apache-2.0
// The command lines of Kuma's and linkerd's installers, as flags of ours. Pure apart from the files
// that they name.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.hpp"
#include "init/cli/cli.hpp"
#include "init/cli/command_line.hpp"
#include "init/compat/foreign_flags.hpp"

namespace weir::init {

/// Whose command line it is.
enum class Dialect : std::uint8_t { istio, kuma, linkerd };

struct Recognised {
  Dialect dialect = Dialect::istio;
  std::span<const char* const> arguments;  // without the words that only name the program
  bool cleanup = false;                    // `istio-clean-iptables`
};

/// --compat and WEIR_COMPAT say it; else the program's name (`kumactl`, `proxy-init`), the first
/// words (`kumactl install …`, `linkerd proxy-init`, `pilot-agent istio-iptables`), or a flag that
/// only one of them has. Error: a name that --compat does not know.
Result<Recognised> recognise(std::string_view program, std::span<const char* const> arguments,
                             const Environment& environment);

/// Their command line in our flags; what they leave at a default is written out, so that none of
/// istio-iptables' applies.
struct Translation {
  RawFlags flags;
  std::vector<std::string> words;  // a command of ours in front of their flags; empty: install
  std::vector<std::string> notes;
};

/// `kumactl install transparent-proxy`, `… transparent-proxy-validator` and `uninstall
/// transparent-proxy`, with KUMA_TRANSPARENT_PROXY_… and its configuration files.
Result<Translation> translate_kuma(std::span<const char* const> arguments,
                                   const Environment& environment);
/// `proxy-init` of linkerd.
Result<Translation> translate_linkerd(std::span<const char* const> arguments,
                                      const Environment& environment);

std::span<const ForeignFlag> kuma_flags();
std::span<const ForeignFlag> linkerd_flags();

}  // namespace weir::init
