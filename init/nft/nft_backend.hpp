// SPDX-License-Identifier: Apache-2.0
// Backend over nf_tables' netlink interface.
#pragma once

#include "init/nft/netlink_socket.hpp"
#include "init/nft/replacement.hpp"
#include "init/rules/backend.hpp"

namespace weir::init {

/// Flags of a table. Source: linux/netfilter/nf_tables.h since 5.12 and 6.9; the headers of older
/// systems lack them.
inline constexpr std::uint32_t kTableOwnerFlag = 0x2;
inline constexpr std::uint32_t kTablePersistFlag = 0x4;

class NftBackend final : public Backend {
 public:
  /// Needs CAP_NET_ADMIN in the user namespace that owns the network namespace, from the first
  /// request on.
  static Result<NftBackend> open();

  [[nodiscard]] std::string_view name() const override { return "nftables"; }
  [[nodiscard]] Ruleset represent(const Ruleset& rules) const override { return rules; }
  Result<Observed> read() override;
  Result<void> replace(const Ruleset& desired, const Observed& current) override;
  [[nodiscard]] std::optional<Refusal> last_refusal() const override { return refusal_; }
  Result<void> restore(const Observed& before) override;
  Result<void> hold_rules() override;
  Result<bool> remove() override;

 private:
  explicit NftBackend(NetlinkSocket socket) : socket_(std::move(socket)) {}

  enum class TableState { absent, ours };
  Result<Observed> read_once();
  Result<std::uint32_t> read_generation();
  Result<TableState> read_table(Ruleset& rules);
  Result<void> read_chains(Observed& observed, Ruleset& rules);
  Result<void> read_sets(Ruleset& rules);
  Result<void> read_elements(Set& set);
  Result<void> read_elements(VerdictMap& map);
  Result<void> read_timeouts(Ruleset& rules);
  Result<void> read_rules(Observed& observed, Ruleset& rules);
  Result<void> dump(std::uint16_t type, std::uint16_t family, std::uint16_t table_attribute,
                    std::uint16_t set_attribute, const std::string& set,
                    const NetlinkSocket::OnMessage& on_message);

  Result<void> send(Batch& batch, std::string_view what);
  Result<void> send_all(std::vector<Step>& steps, std::string_view what);
  Result<void> remove_table();
  Result<void> restore_once(const Observed& before);

  NetlinkSocket socket_;
  [[nodiscard]] Result<void> held_by_nobody_else() const;

  std::optional<Refusal> refusal_;
  std::uint32_t holder_ = 0;          // netlink port of the table's owner when it was read; 0: none
  bool holds_ = false;                // we are it
  const Ruleset* desired_ = nullptr;  // while replace() sends it
  std::uint32_t sequence_ = 0;
};

}  // namespace weir::init
