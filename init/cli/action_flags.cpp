// SPDX-License-Identifier: Apache-2.0
#include "init/cli/action_flags.hpp"

#include "init/cli/flag_reader.hpp"
#include "init/cli/value_parser.hpp"

namespace weir::init {
namespace {

// Three flags name the backend; those that are given must agree. A --native-nftables that is false
// asks for nothing, as in istio-iptables, where the other backend is iptables' nft variant.
Result<void> read_backend(const RawFlags& flags, BackendKind& backend) {
  constexpr std::pair<std::string_view, BackendKind> kBackends[] = {
      {"auto", BackendKind::automatic},
      {"nftables", BackendKind::nftables},
      {"legacy", BackendKind::legacy}};
  constexpr std::pair<std::string_view, BackendKind> kBinaries[] = {
      {"nft", BackendKind::nftables}, {"legacy", BackendKind::legacy}};
  BackendKind binary = BackendKind::automatic;
  bool native = false;
  TRY_VOID(read_choice(flags, FlagId::backend, kBackends, backend));
  TRY_VOID(read_choice(flags, FlagId::iptables_binary, kBinaries, binary));
  TRY_VOID(read_boolean(flags, FlagId::native_nftables, native));
  for (const auto& [asked, id] :
       {std::pair{native ? BackendKind::nftables : BackendKind::automatic, FlagId::native_nftables},
        std::pair{binary, FlagId::iptables_binary}}) {
    if (asked == BackendKind::automatic) continue;
    if (backend != BackendKind::automatic && backend != asked)
      return Error{flags.get(id)->source + ": '" + flags.get(id)->text +
                   "': another flag or variable asks for the other backend"};
    backend = asked;
  }
  return {};
}

Result<void> read_time(const RawFlags& flags, FlagId id, std::chrono::milliseconds& target) {
  const auto& value = flags.get(id);
  if (!value || value->text.empty()) return {};
  TRY(target, parse_duration(*value));
  return {};
}

}  // namespace

Result<void> read_actions(const RawFlags& flags, Options& options) {
  TRY_VOID(read_backend(flags, options.backend));
  TRY_VOID(read_time(flags, FlagId::lock_timeout, options.lock_timeout));
  TRY_VOID(read_time(flags, FlagId::confirm, options.confirm));
  TRY_VOID(read_boolean(flags, FlagId::verify, options.verify));
  TRY_VOID(read_boolean(flags, FlagId::run_validation, options.run_validation));
  TRY_VOID(read_boolean(flags, FlagId::host, options.host));
  TRY_VOID(read_boolean(flags, FlagId::own_table, options.own_table));
  TRY_VOID(read_boolean(flags, FlagId::json, options.json));
  read_text(flags, FlagId::network_namespace, options.network_namespace);
  read_text(flags, FlagId::termination_log, options.termination_log);
  return {};
}

}  // namespace weir::init
