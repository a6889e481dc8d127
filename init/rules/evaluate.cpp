// SPDX-License-Identifier: Apache-2.0
#include "init/rules/evaluate.hpp"

#include <algorithm>
#include <tuple>

#include "init/rules/packet_field.hpp"

namespace weir::init {
namespace {

// Source: linux/netfilter_ipv4.h, enum nf_ip_hook_priorities; nf_tables.h, NFT_JUMP_STACK_SIZE.
constexpr int kConntrackPriority = -200;
constexpr int kNatHookPriority = -100;
constexpr std::size_t kJumpStackSize = 16;
// More chains than any plan has; a read-back ruleset with a loop of gotos ends here. (The kernel
// refuses loops.)
constexpr std::size_t kChainEntriesMax = 100'000;

bool sees(const Chain& chain, Hook hook, IpFamily family) {
  return chain.base && chain.base->hook == hook &&
         (!chain.base->family || *chain.base->family == family);
}

// NAT chains of one hook run one after the other where NAT itself has its place, whatever their
// priorities say beside chains of other types. Source: nf_nat_core.c, nf_nat_register_fn().
std::tuple<int, int> order_of(const BaseHook& base) {
  return {base.type == ChainType::nat ? kNatHookPriority : base.priority, base.priority};
}

// Of chains of equal priority the newer one runs first. Source: netfilter/core.c,
// nf_hook_entries_grow().
std::vector<const Chain*> chains_of(const Ruleset& rules, Hook hook, IpFamily family) {
  std::vector<const Chain*> chains;
  for (auto chain = rules.chains.rbegin(); chain != rules.chains.rend(); ++chain)
    if (sees(*chain, hook, family)) chains.push_back(&*chain);
  std::stable_sort(chains.begin(), chains.end(), [](const Chain* a, const Chain* b) {
    return order_of(*a->base) < order_of(*b->base);
  });
  return chains;
}

bool needs_tracking(const Rule& rule) {
  return std::holds_alternative<Redirect>(rule.verdict) ||
         std::holds_alternative<SetCtMark>(rule.verdict) ||
         std::holds_alternative<SetZone>(rule.verdict) ||
         std::holds_alternative<SetTimeout>(rule.verdict) ||
         std::any_of(rule.matches.begin(), rule.matches.end(), [](const auto& match) {
           const auto* known = std::get_if<Match>(&match);
           return known != nullptr &&
                  (known->field == Field::ct_state || known->field == Field::ct_mark);
         });
}

// Legacy chains are named after their family.
bool belongs_to(const Chain& chain, IpFamily family) {
  const std::string_view other = family == IpFamily::v4 ? "ip6/" : "ip/";
  return !chain.name.starts_with(other);
}

// Connection tracking of a family is on when a rule of it wants it, and NAT chains are walked for
// tracked packets only: one that could but drop drops nothing. Source: nf_nat_core.c,
// nf_nat_inet_fn(); nf_conntrack_proto.c, nf_ct_netns_get().
bool is_tracked(const Ruleset& rules, IpFamily family) {
  return std::any_of(rules.chains.begin(), rules.chains.end(), [&](const Chain& chain) {
    return belongs_to(chain, family) &&
           std::any_of(chain.rules.begin(), chain.rules.end(), needs_tracking);
  });
}

class Walk {
 public:
  Walk(const Ruleset& rules, const Packet& packet, std::vector<RuleVisit>* visits)
      : rules_(rules), packet_(packet), visits_(visits) {
    decision_.mark = packet.mark;
    decision_.ct_mark = packet.ct_mark;
    nat_decided_ = !is_tracked(rules, packet.destination.family());
  }

  Decision run() {
    const bool stays = packet_.inbound ? run_prerouting() : run_output();
    if (stays) run_hook(Hook::input);
    finish();
    return std::move(decision_);
  }

 private:
  // A frame of the jump stack: where to go on after a return.
  struct Frame {
    const Chain* chain;
    std::size_t next;
  };

  // @return whether the packet goes on in this namespace.
  bool run_prerouting() {
    if (!run_hook(Hook::prerouting)) return false;
    return !packet_.forwarded || decision_.landing != Landing::direct;
  }

  // The same.
  bool run_output() {
    const std::uint32_t mark_before = packet_.mark;
    if (!run_hook(Hook::output)) return false;
    const bool rerouted = packet_.mark != mark_before && is_tproxy_mark(packet_.mark);
    if (packet_.out_interface != "lo" && decision_.landing != Landing::redirected && !rerouted)
      return false;
    // The packet comes back by lo with its connection, and without its socket.
    packet_.in_interface = "lo";
    packet_.out_interface.clear();
    packet_.uid.reset();
    packet_.gid.reset();
    came_back_ = true;
    return run_hook(Hook::prerouting);
  }

  // @return false when the packet ended here.
  bool run_hook(Hook hook) {
    if (hook == Hook::input) packet_.out_interface.clear();
    for (const Chain* chain : chains_of(rules_, hook, packet_.destination.family())) {
      const bool nat = chain->base->type == ChainType::nat;
      if (nat && !meets_nat()) continue;
      base_ = &*chain->base;
      if (!run_chain(*chain)) return false;
    }
    // Whatever the chains say, NAT is now decided for the connection.
    if (hook != Hook::input) nat_decided_ = true;
    return true;
  }

  // Source: nf_nat_core.c, nf_nat_inet_fn().
  [[nodiscard]] bool meets_nat() const {
    return !nat_decided_ && (packet_.ct_state & (kCtStateNew | kCtStateRelated)) != 0;
  }

  [[nodiscard]] bool is_tproxy_mark(std::uint32_t mark) const {
    for (const Chain& chain : rules_.chains)
      for (const Rule& rule : chain.rules)
        if (const auto* tproxy = std::get_if<Tproxy>(&rule.verdict))
          if (((mark ^ tproxy->mark) & tproxy->mask) == 0) return true;
    return false;
  }

  // @return false when the packet ended in it.
  bool run_chain(const Chain& base) {
    at_ = {&base, 0};
    stack_.clear();
    ended_ = false;
    kept_ = true;
    for (std::size_t entries = 0; !ended_;) {
      if (at_.next == at_.chain->rules.size()) {
        leave_chain();
        continue;
      }
      const Rule& rule = at_.chain->rules[at_.next];
      place_ = {at_.chain->name, at_.next};
      ++at_.next;
      if (!matches(rule)) continue;
      decision_.matched.push_back(place_);
      const Chain* before = at_.chain;
      std::visit([this](const auto& verdict) { apply(verdict); }, rule.verdict);
      if (at_.chain != before && ++entries > kChainEntriesMax) break;
    }
    return kept_;
  }

  bool matches(const Rule& rule) {
    RuleVisit visit{place_, {}, {}};
    for (std::size_t i = 0; i < rule.matches.size() && !visit.failed_match; ++i) {
      const auto* match = std::get_if<Match>(&rule.matches[i]);
      if (match != nullptr && holds(rules_, *match, packet_)) continue;
      visit.failed_match = i;
      if (match != nullptr) visit.seen = compared_value(*match, packet_);
    }
    const bool matched = !visit.failed_match && !std::holds_alternative<Opaque>(rule.verdict);
    if (visits_ != nullptr) visits_->push_back(std::move(visit));
    return matched;
  }

  void leave_chain() {
    if (stack_.empty()) {
      ended_ = true;
      return;
    }
    at_ = stack_.back();
    stack_.pop_back();
  }

  void enter(const std::string& name, bool come_back) {
    const Chain* chain = rules_.find_chain(name);
    if (chain == nullptr) return;
    if (come_back) {
      if (stack_.size() == kJumpStackSize) return;
      stack_.push_back(at_);
    }
    at_ = {chain, 0};
  }

  void end(Landing landing, std::uint16_t port) {
    decision_.landing = landing;
    decision_.port = port;
    decision_.decided_by = place_;
    ended_ = true;
    kept_ = landing == Landing::redirected || landing == Landing::transparent;
  }

  // The rule lets the packet go where it was sent, as far as this base chain is concerned.
  void let_go() { (base_->type == ChainType::nat ? nat_let_go_ : other_let_go_) = place_; }

  void apply(const Return&) {
    let_go();
    leave_chain();
  }
  void apply(const Accept&) {
    let_go();
    ended_ = true;
  }
  void apply(const Drop&) { end(Landing::dropped, 0); }
  void apply(const Reject&) { end(Landing::rejected, 0); }
  void apply(const Jump& jump) { enter(jump.chain, true); }
  void apply(const Goto& jump) { enter(jump.chain, false); }
  void apply(const JumpByMap& jump) {
    if (const auto chain = find_in_map(rules_, jump, packet_)) enter(*chain, true);
  }
  void apply(const Redirect& redirect) {
    // The socket that TPROXY chose keeps the packet.
    if (decision_.landing != Landing::transparent) end(Landing::redirected, redirect.port);
    ended_ = true;
    nat_decided_ = true;
    packet_.destination_port = redirect.port;
    if (!packet_.inbound) packet_.destination = loopback(packet_.destination.family());
  }
  void apply(const Tproxy& tproxy) {
    if (!packet_.proxy_listens) return;
    end(Landing::transparent, tproxy.port);
    packet_.mark = (packet_.mark & ~tproxy.mask) | tproxy.mark;
  }
  void apply(const SetMark& set) { packet_.mark = (packet_.mark & ~set.mask) | set.value; }
  void apply(const SetCtMark& set) {
    if ((packet_.ct_state & (kCtStateInvalid | kCtStateUntracked)) != 0) return;
    packet_.ct_mark = (packet_.ct_mark & ~set.mask) | set.value;
  }
  // A packet that comes back by lo keeps the connection that it has.
  void apply(const SetZone& set) {
    if (base_->priority < kConntrackPriority && !came_back_) decision_.zone = set.zone;
  }
  void apply(const Continue&) {}
  void apply(const SetTimeout&) {}
  void apply(const Opaque&) {}

  static IpAddress loopback(IpFamily family) {
    return *IpAddress::parse(family == IpFamily::v4 ? "127.0.0.1" : "::1");
  }

  void finish() {
    decision_.mark = packet_.mark;
    decision_.ct_mark = packet_.ct_mark;
    if (decision_.landing == Landing::direct)
      decision_.decided_by = nat_let_go_ ? nat_let_go_ : other_let_go_;
  }

  const Ruleset& rules_;
  Packet packet_;  // as it is at this point of its way
  std::vector<RuleVisit>* visits_;
  Decision decision_;
  const BaseHook* base_ = nullptr;
  Frame at_{};  // the next rule
  std::vector<Frame> stack_;
  RulePlace place_;     // of the rule at work
  bool ended_ = false;  // the base chain is through
  bool kept_ = true;    // the packet goes on
  bool nat_decided_ = false;
  bool came_back_ = false;
  std::optional<RulePlace> nat_let_go_;
  std::optional<RulePlace> other_let_go_;
};

}  // namespace

Decision evaluate(const Ruleset& rules, const Packet& packet) {
  return Walk(rules, packet, nullptr).run();
}

Decision evaluate(const Ruleset& rules, const Packet& packet, std::vector<RuleVisit>& visits) {
  return Walk(rules, packet, &visits).run();
}

}  // namespace weir::init
