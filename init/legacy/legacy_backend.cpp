// SPDX-License-Identifier: Apache-2.0
#include "init/legacy/legacy_backend.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "init/legacy/entry_layout.hpp"
#include "init/legacy/lower.hpp"
#include "init/legacy/table_change.hpp"
#include "init/legacy/table_error.hpp"
#include "init/legacy/table_transaction.hpp"

namespace weir::init {
namespace {

// With ipv6.disable=1 there is not even the protocol.
bool kernel_has_ipv6() {
  return static_cast<bool>(UniqueFd(socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0)));
}

// Source: ip_tables.h, IPT_SO_GET_REVISION_MATCH.
bool kernel_has_match(const char* name) {
  const UniqueFd fd(socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW));
  xt_get_revision wanted{};
  std::strncpy(wanted.name, name, sizeof wanted.name - 1);
  socklen_t length = sizeof wanted;
  if (!fd || getsockopt(fd.get(), SOL_IP, IPT_SO_GET_REVISION_MATCH, &wanted, &length) == 0)
    return true;  // without the right to ask, changing the tables will say so
  return errno != ENOENT && errno != EPROTONOSUPPORT;
}

bool is_opaque(const Ruleset& rules) {
  const auto opaque = [](const Rule& rule) {
    return std::holds_alternative<Opaque>(rule.verdict) ||
           std::any_of(rule.matches.begin(), rule.matches.end(),
                       [](const auto& item) { return std::holds_alternative<Opaque>(item); });
  };
  return std::any_of(rules.chains.begin(), rules.chains.end(), [&](const Chain& chain) {
    return std::any_of(chain.rules.begin(), chain.rules.end(), opaque);
  });
}

}  // namespace

Result<LegacyBackend> LegacyBackend::open(std::chrono::milliseconds lock_timeout) {
  if (!has_legacy_tables(IpFamily::v4))
    return Error{
        "iptables-legacy: the kernel has no legacy tables, or their module is not loaded (modprobe "
        "ip_tables on the machine)",
        EOPNOTSUPP};
  LegacyBackend backend(lock_timeout);
  backend.u32_ = kernel_has_match("u32");
  backend.socket_ = kernel_has_match("socket");
  backend.ipv6_ = kernel_has_ipv6() && has_legacy_tables(IpFamily::v6);
  return backend;
}

void LegacyBackend::note(const std::string& line) {
  if (std::find(notices_.begin(), notices_.end(), line) == notices_.end()) notices_.push_back(line);
}

Ruleset LegacyBackend::represent(const Ruleset& rules) const {
  if (represented_ && represented_->first == rules) return represented_->second;
  Ruleset lowered = lower_for_legacy(rules, u32_);
  if (!ipv6_)
    std::erase_if(lowered.chains, [](const Chain& c) { return c.name.starts_with("ip6/"); });
  represented_.emplace(rules, std::move(lowered));
  return represented_->second;
}

std::vector<TableName> LegacyBackend::present_tables() const {
  std::vector<TableName> present;
  for (const IpFamily family : {IpFamily::v4, IpFamily::v6}) {
    if (family == IpFamily::v6 && !ipv6_) continue;
    const auto names = existing_tables(family);
    for (const TableName& table : all_tables())
      if (table.family == family &&
          (!names || std::find(names->begin(), names->end(), table.table) != names->end()))
        present.push_back(table);
  }
  return present;
}

Result<Observed> LegacyBackend::read() {
  Observed observed;
  std::vector<OwnChain> own;
  for (const TableName& name : present_tables()) {
    auto table = LegacyTable::open(name.family, name.table);
    if (!table) return explain_table_error(table.error(), name, "reading");
    auto chains = read_own_chains(**table, name);
    std::move(chains.begin(), chains.end(), std::back_inserter(own));
    auto others = read_other_nat(**table, name);
    std::move(others.begin(), others.end(), std::back_inserter(observed.other_nat));
  }
  if (own.empty()) return observed;
  std::sort(own.begin(), own.end(), [](const OwnChain& a, const OwnChain& b) {
    return std::make_tuple(!a.chain.base, std::string_view(a.chain.name)) <
           std::make_tuple(!b.chain.base, std::string_view(b.chain.name));
  });
  observed.rules.emplace();
  for (OwnChain& chain : own) {
    std::move(chain.counters.begin(), chain.counters.end(), std::back_inserter(observed.counters));
    observed.rules->chains.push_back(std::move(chain.chain));
  }
  return observed;
}

Result<XtablesLock> LegacyBackend::lock() {
  TRY(auto lock, lock_xtables(lock_timeout_));
  if (!lock.notice.empty()) note(lock.notice);
  return lock;
}

Result<bool> LegacyBackend::write(const Ruleset& lowered) {
  TRY(const auto lock, this->lock());
  std::vector<TableName> tables = present_tables();
  for (const Chain& chain : lowered.chains)
    for (const TableName& table : all_tables())
      if (chain.name.starts_with(table.prefix()) &&
          std::find(tables.begin(), tables.end(), table) == tables.end())
        tables.push_back(table);
  const auto order = all_tables();
  std::sort(tables.begin(), tables.end(), [&](const TableName& a, const TableName& b) {
    return std::find(order.begin(), order.end(), a) < std::find(order.begin(), order.end(), b);
  });
  return change_tables(tables, lowered);
}

Result<void> LegacyBackend::replace(const Ruleset& desired, const Observed&) {
  refusal_.reset();
  const Chain* hold = desired.find_chain("hold");
  if (!socket_ && hold != nullptr) {
    refusal_ = Refusal{RulesetPart::chain, hold->name, 0, false, ENOENT};
    return Error{
        "iptables-legacy: the kernel lacks xt_socket: load it on the machine (modprobe "
        "xt_socket), or use --hold-until-listening=false",
        EOPNOTSUPP};
  }
  if (!ipv6_) {
    if (namespace_has_ipv6())
      return Error{
          "iptables-legacy: the kernel has no legacy tables for IPv6, or their module is not "
          "loaded, "
          "but this network namespace has IPv6 addresses, whose connections would not be captured; "
          "load it on the machine (modprobe ip6_tables), or use --backend nftables",
          EOPNOTSUPP};
    note("IPv6: this network namespace has none, nor the kernel tables for it; only IPv4 rules");
  }
  for (const std::string& line : legacy_omissions(desired)) note(line);
  TRY_VOID(write(represent(desired)));
  return {};
}

Result<void> LegacyBackend::restore(const Observed& before) {
  if (before.rules && is_opaque(*before.rules))
    return Error{"putting the rules back: they have parts that weir-init does not know", EINVAL};
  TRY_VOID(write(before.rules ? *before.rules : Ruleset{}));
  return {};
}

Result<bool> LegacyBackend::remove() {
  TRY(const bool any, write(Ruleset{}));
  TRY(const Observed after, read());
  if (after.rules)
    return Error{"chains WEIR_*: still there after their removal; another program puts them back",
                 EEXIST};
  return any;
}

}  // namespace weir::init
