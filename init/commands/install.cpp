// SPDX-License-Identifier: Apache-2.0
#include "init/install/install.hpp"

#include "init/cli/process.hpp"
#include "init/commands/command.hpp"
#include "init/install/confirmation.hpp"
#include "init/install/installation.hpp"
#include "init/install/legacy_iptables.hpp"
#include "init/install/namespace_lock.hpp"
#include "init/install/report.hpp"
#include "init/verify/verification.hpp"

namespace weir::init {
namespace {

double milliseconds_since(std::chrono::steady_clock::time_point start) {
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
  return took.count();
}

void report_changes(const CommandContext& context, Installation& installation,
                    const InstallReport& report) {
  const Backend& backend = installation.backend();
  auto others = report.other_nat;
  if (backend.name() != "legacy")
    for (OtherNat& legacy : find_legacy_nat(context.environment))
      others.push_back(std::move(legacy));
  for (const auto& line : describe_conflicts(others)) write_line(Stream::error, line);
  for (const OptionalFeature feature : report.missing)
    write_line(Stream::error, describe_missing(feature));
  const auto stream = report.outcome == Outcome::mismatch ? Stream::error : Stream::output;
  for (const auto& line : describe_changes(report)) write_line(stream, line);
  for (const auto& line : installation.notes()) write_line(Stream::output, line);
  write_line(stream, describe_outcome(report, backend.represent(report.rules),
                                      milliseconds_since(context.start), backend.name()));
}

int take_back(Installation& installation, const std::string& why, ExitCode code) {
  const auto taken = installation.take_back();
  if (!taken) return fail(taken.error());
  write_line(Stream::error, "taken back: " + why + "; everything is as it was before");
  return static_cast<int>(code);
}

// @return ok, or why the installation must go.
ExitCode prove_installation(const CommandContext& context, Installation& installation,
                            const Ruleset& rules) {
  const Options& options = context.options;
  const auto verification = verify_installation(installation.backend(), rules, options.config);
  const bool passed = verification && verification->passed();
  if (!verification) write_line(Stream::error, verification.error().message);
  if (verification)
    for (const auto& line : describe(*verification, milliseconds_since(context.start)))
      write_line(passed ? Stream::output : Stream::error, line);
  if (passed) return ExitCode::ok;
  return options.run_validation ? ExitCode::validation : ExitCode::verification;
}

int wait_and_keep(const CommandContext& context, Installation& installation, const UniqueFd& socket,
                  UniqueFd lock) {
  const auto time = context.options.confirm;
  write_line(Stream::output, "waiting " + std::to_string(time.count() / 1000) +
                                 " s for 'weir-init confirm', or Enter on this terminal; then "
                                 "everything is taken back");
  lock.reset();
  const Confirmation answer = wait_for_confirmation(socket, time);
  if (answer == Confirmation::confirmed) {
    write_line(Stream::output, "confirmed: the rules stay");
    return 0;
  }
  const auto again = lock_namespace();
  if (!again) return fail(again.error());
  return take_back(
      installation,
      answer == Confirmation::ended ? "ended before a confirmation came" : "no confirmation came",
      ExitCode::other);
}

}  // namespace

int run_install(const CommandContext& context) {
  const Options& options = context.options;
  UniqueFd waiting;
  if (options.confirm.count() > 0) {
    auto socket = open_confirmation();
    if (!socket) return fail(socket.error());
    waiting = *std::move(socket);
  }
  auto lock = lock_namespace();
  if (!lock) return fail(lock.error());
  auto installation = Installation::open(options);
  if (!installation) return fail(installation.error());
  const auto report = installation->apply(options.config);
  if (!report) return fail(report.error());
  report_changes(context, *installation, *report);
  if (report->outcome == Outcome::mismatch) return static_cast<int>(ExitCode::verification);
  if (options.verify || options.run_validation) {
    const ExitCode proved = prove_installation(context, *installation, report->rules);
    if (proved != ExitCode::ok) return take_back(*installation, "the proof failed", proved);
  }
  if (!waiting) return 0;
  return wait_and_keep(context, *installation, waiting, *std::move(lock));
}

}  // namespace weir::init
