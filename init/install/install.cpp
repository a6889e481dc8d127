// SPDX-License-Identifier: Apache-2.0
#include "init/install/install.hpp"

#include <cerrno>

namespace weir::init {
namespace {

constexpr int kAttempts = 5;

// Other tools may change their rules between our reading and our writing; the kernel then asks us
// to start again.
Result<void> replace_with_retry(Backend& backend, const Ruleset& desired, Observed& observed) {
  for (int attempt = 1;; ++attempt) {
    const auto replaced = backend.replace(desired, observed);
    if (replaced || replaced.error().code != ERESTART || attempt == kAttempts) return replaced;
    TRY(observed, backend.read());
  }
}

// What is to be different, or nothing when exactly this is there.
Diff changes_to(const Backend& backend, const Ruleset& desired, const Observed& observed) {
  if (!observed.rules) return {"table 'weir': to add"};
  return diff_rulesets(backend.represent(desired), *observed.rules);
}

// Replaces what differs; leaves out what the kernel lacks and we can do without.
Result<void> put_in_force(Backend& backend, Observed observed, InstallReport& report) {
  for (;;) {
    report.changes = changes_to(backend, report.rules, observed);
    if (report.changes.empty()) {
      report.outcome = Outcome::unchanged;
      return {};
    }
    const auto replaced = replace_with_retry(backend, report.rules, observed);
    if (replaced) return {};
    const auto refusal = backend.last_refusal();
    const auto feature = refusal ? refused_feature(report.rules, *refusal) : std::nullopt;
    if (!feature) return replaced;
    report.rules = without_feature(std::move(report.rules), *feature);
    report.missing.push_back(*feature);
    TRY(observed, backend.read());
  }
}

// Puts back what was there, and says so if that fails as well.
Error rolled_back(Backend& backend, const Observed& before, Error error) {
  const auto restored = backend.restore(before);
  if (!restored) error.message += "; " + restored.error().message;
  return error;
}

}  // namespace

Result<InstallReport> install(Backend& backend, const Ruleset& desired,
                              const std::function<Result<void>()>& before_change) {
  TRY(const Observed before, backend.read());
  TRY_VOID(before_change());
  InstallReport report;
  report.other_nat = before.other_nat;
  report.rules = desired;
  report.outcome = before.rules ? Outcome::replaced : Outcome::installed;
  TRY_VOID(put_in_force(backend, before, report));
  if (report.outcome == Outcome::unchanged) return report;
  if (report.outcome == Outcome::installed) report.changes.clear();
  const auto after = backend.read();
  if (!after) return rolled_back(backend, before, after.error());
  Diff left =
      after->rules ? changes_to(backend, report.rules, *after) : Diff{"table 'weir': gone again"};
  if (left.empty()) return report;
  report.outcome = Outcome::mismatch;
  report.changes = std::move(left);
  if (const auto restored = backend.restore(before); !restored)
    report.changes.push_back(restored.error().message);
  return report;
}

}  // namespace weir::init
