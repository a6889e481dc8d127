// SPDX-License-Identifier: Apache-2.0
// random_rules COUNT SEED: so many configurations at random, planned, put into the kernel of the
// network namespace that it runs in and read back. Exit 1 with the first one that is not equal.
#include <linux/netlink.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "init/cli/canonical_flags.hpp"
#include "init/install/config_chain.hpp"
#include "init/nft/netlink_socket.hpp"
#include "init/nft/nft_backend.hpp"
#include "init/nft/replacement.hpp"
#include "init/plan/plan.hpp"
#include "init/rules/diff.hpp"
#include "tests/unit/init/random_config.hpp"

namespace weir::init {
namespace {

// Every so many configurations go over the old ones, without a packet meeting a mixture; that takes
// the time of some grace periods, so that the others just start anew.
constexpr unsigned kReplaceEvery = 50;

Result<void> send(NetlinkSocket& socket, Batch& batch) {
  TRY(const BatchFailure failure, socket.send_batch(batch.finish()));
  if (failure.code == 0) return {};
  return Error{describe_part(batch.refusal(failure.sequence, failure.code)), failure.code};
}

Result<void> start_anew(NetlinkSocket& socket, const Ruleset& rules) {
  Batch removal(0);
  removal.add_table(rules);
  removal.delete_table();
  TRY_VOID(send(socket, removal));
  for (Step& step : build_replacement(rules, nullptr, 0)) TRY_VOID(send(socket, step.batch));
  return {};
}

struct Totals {
  std::size_t rules = 0;
  std::size_t elements = 0;
  std::size_t replaced = 0;
};

Result<Diff> install_and_read(NftBackend& backend, NetlinkSocket& socket, const Ruleset& rules,
                              bool replace) {
  if (replace) {
    TRY(const Observed current, backend.read());
    TRY_VOID(backend.replace(rules, current));
  } else {
    TRY_VOID(start_anew(socket, rules));
  }
  TRY(const Observed after, backend.read());
  if (!after.rules) return Diff{"no table"};
  Diff diff = diff_rulesets(rules, *after.rules);
  // The order of sets and chains is no difference to a user, but `nft list` shows it.
  if (diff.empty() && !(*after.rules == rules)) diff.emplace_back("another order");
  return diff;
}

int run(unsigned count, std::uint64_t seed) {
  auto backend = NftBackend::open();
  auto socket = NetlinkSocket::open(NETLINK_NETFILTER);
  if (!backend || !socket) return std::fprintf(stderr, "no netlink\n"), 2;
  RandomConfig random(seed);
  Totals totals;
  for (unsigned i = 0; i < count; ++i) {
    const RedirectConfig config = random.next();
    const Ruleset rules = with_config_chain(plan_ruleset(config), config);
    const bool replace = i % kReplaceEvery == kReplaceEvery - 1;
    const auto diff = install_and_read(*backend, *socket, rules, replace);
    if (!diff || !diff->empty()) {
      std::fprintf(stderr, "configuration %u:", i);
      for (const auto& word : to_arguments(config)) std::fprintf(stderr, " '%s'", word.c_str());
      std::fprintf(stderr, "\n%s\n", diff ? diff->front().c_str() : diff.error().message.c_str());
      return 1;
    }
    totals.rules += rules.rule_count();
    totals.elements += rules.element_count();
    totals.replaced += replace ? 1 : 0;
  }
  std::printf(
      "%u configurations, %zu of them over the one before, %zu rules, %zu elements: all read "
      "back equal\n",
      count, totals.replaced, totals.rules, totals.elements);
  return 0;
}

}  // namespace
}  // namespace weir::init

int main(int argc, char** argv) {
  if (argc != 3) return std::fprintf(stderr, "random_rules COUNT SEED\n"), 2;
  return weir::init::run(static_cast<unsigned>(std::atol(argv[1])),
                         std::strtoull(argv[2], nullptr, 10));
}
