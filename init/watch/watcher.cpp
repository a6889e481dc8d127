// SPDX-License-Identifier: Apache-2.0
#include "init/watch/watcher.hpp"

#include <sys/prctl.h>
#include <sys/signalfd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>

#include <poll.h>
#include <unistd.h>

#include "init/cli/process.hpp"
#include "init/commands/live_rules.hpp"
#include "init/install/config_chain.hpp"
#include "init/install/install.hpp"
#include "init/install/namespace_lock.hpp"
#include "init/install/report.hpp"
#include "init/plan/plan.hpp"
#include "init/routing/routing.hpp"

namespace weir::init {
namespace {

using Clock = std::chrono::steady_clock;

// iptables-legacy's tables tell nobody of changes: they are looked at.
constexpr int kPollLegacy = 50;  // ms
constexpr std::size_t kMostLines = 5;

// What weir-init is called, as the kernel names authors: its file may have another name.
bool is_our_program(const std::string& program) {
  char own[16] = {};
  prctl(PR_GET_NAME, own);
  return program == "weir-init" || program == own;
}

double milliseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

UniqueFd signals_as_descriptor() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT}) sigaddset(&set, signal);
  sigprocmask(SIG_BLOCK, &set, nullptr);
  return UniqueFd(signalfd(-1, &set, SFD_CLOEXEC));
}

}  // namespace

Result<Watcher> Watcher::open(const Options& options) {
  Watcher watcher(options);
  // Before the first look, so that no change falls in between.
  TRY(watcher.events_, ChangeEvents::open());
  TRY_VOID(watcher.start());
  return watcher;
}

Result<void> Watcher::start() {
  TRY(const UniqueFd lock, lock_namespace());
  TRY(LiveRules live, read_live_rules(options_));
  backend_ = std::move(live.backend);
  config_ = options_.config;
  if (!options_.has_config) {
    if (!live.observed.rules)
      return Error{"watch: nothing of ours is installed; install first, or say what to capture", 0};
    if (!live.kept) return Error{"watch: " + live.kept_error, 0};
    config_ = live.kept->config;
  }
  wanted_ = with_config_chain(plan_ruleset(config_), config_);
  std::vector<std::string> routing;
  TRY(const InstallReport report, install(*backend_, wanted_, [&]() -> Result<void> {
        TRY(routing, apply_routing(plan_routing(config_)));
        return {};
      }));
  wanted_ = report.rules;
  for (const auto& line : describe_conflicts(report.other_nat)) write_line(Stream::error, line);
  for (const auto& line : describe_changes(report)) write_line(Stream::output, line);
  for (const auto& line : routing) write_line(Stream::output, line);
  if (report.outcome == Outcome::mismatch)
    return Error{"watch: the kernel holds other rules than were sent", 0};
  if (options_.own_table) TRY_VOID(backend_->hold_rules());
  write_line(Stream::output, "watching " + std::string(place_of_rules(backend_->name())) + ", " +
                                 std::to_string(backend_->represent(wanted_).rule_count()) +
                                 " rules");
  return {};
}

Diff Watcher::rule_drift(const Observed& observed) const {
  if (!observed.rules) return {"all rules are gone"};
  return diff_rulesets(backend_->represent(wanted_), *observed.rules);
}

// Another weir-init has installed something else, completely: that is no drift, unless flags say
// what this one has to keep.
bool Watcher::adopt(const Observed& observed) {
  if (options_.has_config || !observed.rules) return false;
  const auto kept = config_of(*observed.rules);
  if (!kept || kept->config == config_) return false;
  Ruleset planned = with_config_chain(plan_ruleset(kept->config), kept->config);
  if (!diff_rulesets(backend_->represent(planned), *observed.rules).empty()) return false;
  config_ = kept->config;
  wanted_ = std::move(planned);
  write_line(Stream::output, "other flags were installed; watching those");
  return true;
}

// Without the lock, which an installation holds for long: only whether there is something to do.
Result<Watcher::Look> Watcher::look(const ChangeSummary& summary) {
  TRY(const Observed observed, backend_->read());
  if (rule_drift(observed).empty()) {
    TRY(const auto drift, routing_drift(plan_routing(config_)));
    if (drift.empty()) return Look::as_wanted;
  }
  return look_closely(summary);
}

Result<Watcher::Look> Watcher::look_closely(const ChangeSummary& summary) {
  TRY(const UniqueFd lock, lock_namespace());
  TRY(const Observed observed, backend_->read());
  if (!observed.rules && is_our_program(summary.program)) return Look::gone;
  (void)adopt(observed);
  Diff drift = rule_drift(observed);
  TRY(const auto routing, routing_drift(plan_routing(config_)));
  drift.insert(drift.end(), routing.begin(), routing.end());
  if (drift.empty()) return Look::as_wanted;
  TRY_VOID(repair(summary, drift));
  return Look::repaired;
}

Result<void> Watcher::repair(const ChangeSummary& summary, const Diff& drift) {
  const auto start = Clock::now();
  TRY(const InstallReport done, install(*backend_, wanted_, [&]() -> Result<void> {
        TRY(const auto lines, apply_routing(plan_routing(config_)));
        return {};
      }));
  if (done.outcome == Outcome::mismatch)
    return Error{"the repair did not hold: " + done.changes.front(), EAGAIN};
  report(summary, drift, milliseconds_since(start));
  return {};
}

void Watcher::report(const ChangeSummary& summary, const Diff& drift, double milliseconds) {
  for (std::size_t i = 0; i < drift.size(); ++i) {
    if (i == kMostLines) {
      write_line(Stream::output,
                 "changed: and " + std::to_string(drift.size() - kMostLines) + " more");
      break;
    }
    write_line(Stream::output, "changed: " + drift[i]);
  }
  char time[32];
  std::snprintf(time, sizeof time, "%.1f", milliseconds);
  const std::string by = !summary.rules || summary.by.empty() ? "" : ", changed by " + summary.by;
  write_line(Stream::output, "repaired in " + std::string(time) + " ms" + by);
}

Result<void> Watcher::run() {
  const UniqueFd signals = signals_as_descriptor();
  const bool polls = backend_->name() == "legacy";
  ChangeSummary pending;
  int wait = -1;
  for (;;) {
    pollfd files[] = {{signals.get(), POLLIN, 0},
                      {events_.rules_fd(), POLLIN, 0},
                      {events_.routing_fd(), POLLIN, 0}};
    const int timeout = wait >= 0 ? wait : polls ? kPollLegacy : -1;
    // While a repair waits its turn, further events change nothing.
    if (poll(files, wait > 0 ? 1 : 3, timeout) < 0 && errno != EINTR)
      return Error{"poll failed", errno};
    if (files[0].revents != 0) return {};
    ChangeSummary now = events_.drain();
    for (const auto& line : describe_conflicts(now.new_nat)) write_line(Stream::error, line);
    pending.rules = pending.rules || now.rules || polls;
    pending.routing = pending.routing || now.routing;
    if (now.rules) {
      pending.by = now.by;
      pending.program = now.program;
    }
    wait = -1;
    if (!pending.rules && !pending.routing) continue;
    // Asked before looking, so that a look itself is bounded too; a look that finds nothing is
    // what our own repair brings about.
    const auto pause = pacer_.peek(Clock::now());
    if (pause.count() > 0) {
      if (!std::exchange(slow_, true))
        write_line(Stream::error, "warning: the rules are changed again and again" +
                                      (pending.by.empty() ? "" : " by " + pending.by) +
                                      "; repairing five times a second at most");
      wait = static_cast<int>(pause.count());
      continue;
    }
    const auto looked = look(pending);
    if (!looked && looked.error().code != EAGAIN && looked.error().code != EBUSY &&
        looked.error().code != EINTR && looked.error().code != ERESTART)
      return looked.error();
    if (!looked) {
      write_line(Stream::error, "warning: " + looked.error().message + "; trying again");
      pacer_.count();
      wait = kPollLegacy;
      continue;
    }
    if (*looked == Look::gone) {
      write_line(Stream::output, "the rules were removed by weir-init; nothing left to watch");
      return {};
    }
    if (*looked == Look::repaired)
      pacer_.count();
    else if (pacer_.is_rested())
      slow_ = false;
    pending = {};
  }
}

}  // namespace weir::init
