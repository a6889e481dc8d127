// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <optional>

#include "init/compat/compat.hpp"

namespace weir::init {
namespace {

Result<Dialect> parse_dialect(const RawValue& value) {
  if (value.text == "istio") return Dialect::istio;
  if (value.text == "kuma") return Dialect::kuma;
  if (value.text == "linkerd") return Dialect::linkerd;
  return Error{value.source + ": '" + value.text + "': neither istio, kuma nor linkerd"};
}

std::optional<RawValue> said(std::span<const char* const> arguments,
                             const Environment& environment) {
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view argument = arguments[i];
    if (argument.starts_with("--compat="))
      return RawValue{std::string(argument.substr(9)), "--compat"};
    if (argument == "--compat" && i + 1 < arguments.size())
      return RawValue{arguments[i + 1], "--compat"};
  }
  auto variable = environment.variable("WEIR_COMPAT");
  if (!variable || variable->empty()) return std::nullopt;
  return RawValue{*std::move(variable), "environment variable WEIR_COMPAT"};
}

std::string_view base_name(std::string_view program) {
  return program.substr(program.rfind('/') + 1);  // npos + 1 is 0
}

struct ProgramName {
  std::string_view name;
  Dialect dialect{};
  bool cleanup = false;
};

// As program names, or as words: an image's entry point and its arguments are both kept when only
// the image is exchanged.
constexpr ProgramName kNames[] = {
    {"kumactl", Dialect::kuma},
    {"proxy-init", Dialect::linkerd},
    {"linkerd2-proxy-init", Dialect::linkerd},
    {"linkerd", Dialect::linkerd},
    {"pilot-agent", Dialect::istio},
    {"istio-iptables", Dialect::istio},
    {"istio-clean-iptables", Dialect::istio, true},
};

const ProgramName* find_name(std::string_view name) {
  const auto* const found = std::find_if(std::begin(kNames), std::end(kNames),
                                         [&](const ProgramName& p) { return p.name == name; });
  return found == std::end(kNames) ? nullptr : found;
}

// A flag that the others do not have, and that this one's callers always give.
std::optional<Dialect> by_flag(std::span<const char* const> arguments) {
  for (const std::string_view argument : arguments) {
    if (argument.starts_with("--incoming-proxy-port")) return Dialect::linkerd;
    if (argument.starts_with("--kuma-dp-u")) return Dialect::kuma;
  }
  return std::nullopt;
}

}  // namespace

Result<Recognised> recognise(std::string_view program, std::span<const char* const> arguments,
                             const Environment& environment) {
  Recognised recognised;
  std::optional<Dialect> dialect;
  const auto take = [&](const ProgramName& name) {
    dialect = name.dialect;
    recognised.cleanup = recognised.cleanup || name.cleanup;
  };
  if (const ProgramName* name = find_name(base_name(program))) take(*name);
  while (!arguments.empty()) {
    const ProgramName* name = find_name(arguments[0]);
    if (name == nullptr) break;
    take(*name);
    arguments = arguments.subspan(1);
  }
  recognised.arguments = arguments;
  if (const auto value = said(arguments, environment)) {
    TRY(dialect, parse_dialect(*value));
  }
  if (!dialect) dialect = by_flag(arguments);
  recognised.dialect = dialect.value_or(Dialect::istio);
  return recognised;
}

}  // namespace weir::init
