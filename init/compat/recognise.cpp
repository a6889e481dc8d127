// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <optional>

#include "init/cli/go_flags.hpp"
#include "init/compat/compat.hpp"

namespace weir::init {
namespace {

Result<Dialect> parse_dialect(const RawValue& value) {
  if (value.text == "istio") return Dialect::istio;
  if (value.text == "kuma") return Dialect::kuma;
  if (value.text == "linkerd") return Dialect::linkerd;
  return Error{value.source + ": '" + value.text + "': neither istio, kuma nor linkerd"};
}

// Reads a command line of nobody knows whom, for --compat alone: what looks like it may be the
// value of another flag.
class CompatSink : public FlagSink {
 public:
  [[nodiscard]] std::optional<FlagKind> kind_of(std::string_view spelled) const override {
    for (const Flag& flag : flag_table())
      if (is_spelled(spelled, flag.name, flag.short_name)) return flag.kind;
    for (const auto table : {kuma_flags(), linkerd_flags()})
      for (const ForeignFlag& flag : table)
        if (is_spelled(spelled, flag.name, flag.short_name)) return flag.kind;
    return FlagKind::boolean;
  }
  Result<void> store(std::string_view spelled, std::string_view value) override {
    if (spelled == "--compat") compat = RawValue{std::string(value), "--compat"};
    // Flags that the others do not have, and that their callers always give.
    if (spelled == "--incoming-proxy-port") by_flag = Dialect::linkerd;
    if (spelled == "--kuma-dp-user" || spelled == "--kuma-dp-uid") by_flag = Dialect::kuma;
    return {};
  }
  Result<void> word(std::string_view) override { return {}; }
  [[nodiscard]] std::string remedy(std::string_view) const override { return {}; }

  std::optional<RawValue> compat;
  std::optional<Dialect> by_flag;

 private:
  static bool is_spelled(std::string_view spelled, std::string_view name, char short_name) {
    if (spelled.starts_with("--")) return !name.empty() && spelled.substr(2) == name;
    return short_name != 0 && spelled.size() == 2 && spelled[1] == short_name;
  }
};

std::optional<RawValue> said_by_environment(const Environment& environment) {
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
  CompatSink sink;
  // Whose line it is will say what is wrong with it.
  (void)read_go_flags(arguments, sink);
  if (!sink.compat) sink.compat = said_by_environment(environment);
  if (sink.compat) {
    TRY(dialect, parse_dialect(*sink.compat));
  }
  if (!dialect) dialect = sink.by_flag;
  recognised.dialect = dialect.value_or(Dialect::istio);
  return recognised;
}

}  // namespace weir::init
