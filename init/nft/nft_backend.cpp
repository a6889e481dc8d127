// SPDX-License-Identifier: Apache-2.0
#include "init/nft/nft_backend.hpp"

#include <linux/netlink.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "init/nft/explained.hpp"
#include "init/nft/grace_period.hpp"
#include "init/nft/replacement.hpp"
#include "init/rules/diff.hpp"

namespace weir::init {
namespace {

constexpr int kRestoreAttempts = 5;
constexpr std::string_view kInstalling = "installing the rules";
constexpr std::string_view kRemoving = "removing the rules";
constexpr std::string_view kRestoring = "putting the rules back";

bool is_known(const Rule& rule) {
  return !std::holds_alternative<Opaque>(rule.verdict) &&
         std::all_of(rule.matches.begin(), rule.matches.end(),
                     [](const auto& match) { return std::holds_alternative<Match>(match); });
}

// Whether every part can be written again: nothing in it is unknown to us.
bool is_known(const Ruleset& rules) {
  const auto known = [](const auto& items) {
    return std::all_of(items.begin(), items.end(),
                       [](const auto& item) { return item.unknown.empty(); });
  };
  return known(rules.sets) && known(rules.maps) && known(rules.timeouts) && known(rules.chains) &&
         std::all_of(rules.chains.begin(), rules.chains.end(), [](const Chain& chain) {
           return std::all_of(chain.rules.begin(), chain.rules.end(),
                              [](const Rule& rule) { return is_known(rule); });
         });
}

bool same_rules(const std::optional<Ruleset>& a, const std::optional<Ruleset>& b) {
  return a && b ? diff_rulesets(*a, *b).empty() : a.has_value() == b.has_value();
}

// nullptr when it was no rule, or not one of these.
const Rule* find_rule(const Ruleset* rules, const Refusal& refusal) {
  if (rules == nullptr || refusal.part != RulesetPart::rule) return nullptr;
  const Chain* chain = rules->find_chain(refusal.name);
  return chain != nullptr && refusal.rule < chain->rules.size() ? &chain->rules[refusal.rule]
                                                                : nullptr;
}

}  // namespace

Result<NftBackend> NftBackend::open() {
  auto socket = NetlinkSocket::open(NETLINK_NETFILTER);
  if (!socket) return explained(socket.error(), "nf_tables", Operation::open_netlink);
  return NftBackend(*std::move(socket));
}

Result<void> NftBackend::send(Batch& batch, std::string_view what) {
  const auto failure = socket_.send_batch(batch.finish());
  if (!failure) return explained(failure.error(), what, Operation::add_rule);
  if (failure->code == 0) return {};
  refusal_ = batch.refusal(failure->sequence, failure->code);
  std::string text = describe_part(*refusal_) + ": " + std::strerror(failure->code);
  if (!failure->message.empty()) text += " (kernel: " + failure->message + ")";
  // What was to go is gone already: somebody else is at work, the kernel lacks nothing.
  const bool others = failure->code == ENOENT && refusal_->removal;
  return explained(Error{std::move(text), others ? EAGAIN : failure->code}, what,
                   operation_of(*refusal_), find_rule(desired_, *refusal_));
}

Result<void> NftBackend::send_all(std::vector<Step>& steps, std::string_view what) {
  for (Step& step : steps) {
    if (step.after_packets) wait_for_packets();
    TRY_VOID(send(step.batch, what));
  }
  return {};
}

Result<void> NftBackend::held_by_nobody_else() const {
  if (holder_ == 0 || holder_ == socket_.port()) return {};
  return Error{"table 'inet weir': held by another process (netlink port " +
                   std::to_string(holder_) + "); end that process first",
               EBUSY};
}

Result<void> NftBackend::replace(const Ruleset& desired, const Observed& current) {
  refusal_.reset();
  TRY_VOID(held_by_nobody_else());
  desired_ = &desired;
  const Ruleset* observed = current.rules ? &*current.rules : nullptr;
  auto steps = build_replacement(desired, observed, current.generation);
  const auto sent = send_all(steps, kInstalling);
  desired_ = nullptr;
  // Outdated before the first step: nothing was changed, and what is there now is for the caller to
  // look at.
  if (sent || sent.error().code == ERESTART) return sent;
  const auto refusal = std::exchange(refusal_, std::nullopt);
  const auto restored = restore(current);
  refusal_ = refusal;
  if (restored) return sent;
  return Error{sent.error().message + "; " + restored.error().message, sent.error().code};
}

Result<void> NftBackend::restore(const Observed& before) {
  // A dump or a transaction may have been left half read. An owner keeps the socket that it is
  // known by.
  if (!holds_) {
    auto fresh = NetlinkSocket::open(NETLINK_NETFILTER);
    if (!fresh) return explained(fresh.error(), kRestoring, Operation::open_netlink);
    socket_ = *std::move(fresh);
  }
  for (int attempt = 1;; ++attempt) {
    const auto restored = restore_once(before);
    const bool outdated =
        !restored && (restored.error().code == ERESTART || restored.error().code == EAGAIN);
    if (!outdated || attempt == kRestoreAttempts) return restored;
  }
}

Result<void> NftBackend::restore_once(const Observed& before) {
  const auto now = read();
  if (!now) return now.error().with_context(kRestoring);
  if (same_rules(before.rules, now->rules)) return {};
  if (!before.rules) {
    auto steps = build_removal();
    return send_all(steps, kRestoring);
  }
  if (!is_known(*before.rules))
    return Error{std::string(kRestoring) +
                     ": the table had been edited by hand into something that weir-init cannot "
                     "write; run weir-init again",
                 ENOTSUP};
  const Ruleset* observed = now->rules ? &*now->rules : nullptr;
  auto steps = build_replacement(*before.rules, observed, now->generation);
  return send_all(steps, kRestoring);
}

Result<void> NftBackend::hold_rules() {
  TRY(const Observed current, read());
  TRY_VOID(held_by_nobody_else());
  if (!current.rules) return Error{"--own-table: nothing of ours is installed", ENOENT};
  if (!is_known(*current.rules))
    return Error{"--own-table: the table was edited by hand; install first", ENOTSUP};
  Ruleset held = *current.rules;
  held.flags = kTableOwnerFlag | kTablePersistFlag;
  Step step = build_hand_over(held, current.generation);
  refusal_.reset();
  const auto sent = send(step.batch, "--own-table");
  if (!sent && refusal_ && refusal_->part == RulesetPart::table)
    return Error{
        "--own-table: the kernel cannot hold a table that stays when its owner ends (Linux 6.9 or "
        "newer)",
        EOPNOTSUPP};
  if (sent) holds_ = true;
  return sent;
}

Result<void> NftBackend::remove_table() {
  auto steps = build_removal();
  TRY_VOID(send_all(steps, kRemoving));
  Ruleset rules;
  const auto after = read_table(rules);
  if (!after) return explained(after.error(), kRemoving);
  if (*after != TableState::absent)
    return Error{"table 'inet weir': still there after its removal", EEXIST};
  return {};
}

Result<bool> NftBackend::remove() {
  TRY(const Observed before, read());
  if (!before.rules) return false;
  TRY_VOID(held_by_nobody_else());
  const auto removed = remove_table();
  if (removed) return true;
  const auto restored = restore(before);
  if (restored) return removed.error();
  return Error{removed.error().message + "; " + restored.error().message, removed.error().code};
}

}  // namespace weir::init
