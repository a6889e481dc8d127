// SPDX-License-Identifier: Apache-2.0
// Keeps an installation as it should be: waits for changes and repairs them.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "common/result.hpp"
#include "init/cli/cli.hpp"
#include "init/rules/backend.hpp"
#include "init/rules/diff.hpp"
#include "init/watch/change_events.hpp"
#include "init/watch/pacer.hpp"

namespace weir::init {

class Watcher {
 public:
  /// Installs what `options` ask for, or takes what is installed as what is wanted.
  static Result<Watcher> open(const Options& options);

  /// Until SIGTERM or SIGINT, or until `weir-init cleanup` takes the rules away. The rules stay.
  Result<void> run();

 private:
  explicit Watcher(const Options& options) : options_(options) {}

  enum class Look { as_wanted, repaired, gone };
  Result<void> start();
  Result<Look> look(const ChangeSummary& summary);
  Result<Look> look_closely(const ChangeSummary& summary);
  Result<void> repair(const ChangeSummary& summary, const Diff& drift);
  bool adopt(const Observed& observed);
  void report(const ChangeSummary& summary, const Diff& drift, double milliseconds);
  [[nodiscard]] Diff rule_drift(const Observed& observed) const;

  const Options& options_;
  std::unique_ptr<Backend> backend_;
  ChangeEvents events_;
  RedirectConfig config_;
  Ruleset wanted_;
  RepairPacer pacer_;
  bool slow_ = false;  // said that repairs are paced
};

}  // namespace weir::init
