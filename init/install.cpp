// SPDX-License-Identifier: Apache-2.0
#include "init/install.hpp"

#include <cerrno>

namespace weir::init {
namespace {

constexpr int kAttempts = 5;

// Other tools may change their rules between our reading and our writing; the kernel then asks us
// to start again.
Result<Observed> replace_with_retry(Backend& backend, const Ruleset& desired, Observed observed) {
  for (int attempt = 1;; ++attempt) {
    const auto replaced = backend.replace(desired, observed);
    if (replaced) return observed;
    if (replaced.error().code != ERESTART || attempt == kAttempts) return replaced.error();
    TRY(observed, backend.read());
  }
}

}  // namespace

Result<InstallReport> install(Backend& backend, const Ruleset& desired,
                              const std::function<Result<void>()>& before_change) {
  TRY(Observed observed, backend.read());
  TRY_VOID(before_change());
  InstallReport report;
  report.other_nat = observed.other_nat;
  if (observed.rules) report.changes = diff_rulesets(desired, *observed.rules);
  if (observed.rules && report.changes.empty()) {
    report.outcome = Outcome::unchanged;
    return report;
  }
  report.outcome = observed.rules ? Outcome::replaced : Outcome::installed;
  TRY(observed, replace_with_retry(backend, desired, std::move(observed)));
  TRY(const Observed after, backend.read());
  Diff left = after.rules ? diff_rulesets(desired, *after.rules) : Diff{"table 'weir': gone again"};
  if (!left.empty()) {
    report.outcome = Outcome::mismatch;
    report.changes = std::move(left);
  }
  return report;
}

}  // namespace weir::init
