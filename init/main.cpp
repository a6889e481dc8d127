// SPDX-License-Identifier: Apache-2.0
// weir-init: parse, plan, install, prove; or print; or remove.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <span>

#include "common/unique_fd.hpp"
#include "init/cli.hpp"
#include "init/exit_code.hpp"
#include "init/install.hpp"
#include "init/legacy_iptables.hpp"
#include "init/loopback_address.hpp"
#include "init/namespace_lock.hpp"
#include "init/nft/nft_backend.hpp"
#include "init/plan.hpp"
#include "init/process.hpp"
#include "init/render.hpp"
#include "init/report.hpp"

namespace weir::init {
namespace {

int fail(const Error& error, ExitCode code) {
  write_line(Stream::error, error.message);
  return static_cast<int>(code);
}

int fail(const Error& error) { return fail(error, exit_code_of(error.code)); }

int run_dry(const Options& options) {
  const std::string text =
      options.cleanup_only ? render_removal() : render_ruleset(plan_ruleset(options.config));
  const auto written = write_text(options.dry_run_file, text);
  return written ? 0 : fail(written.error(), ExitCode::other);
}

int run_cleanup() {
  const auto lock = lock_namespace();
  if (!lock) return fail(lock.error());
  auto backend = NftBackend::open();
  if (!backend) return fail(backend.error());
  const auto rules = backend->remove();
  if (!rules) return fail(rules.error());
  const auto address = remove_passthrough_address();
  if (!address) return fail(address.error());
  write_line(Stream::output, describe_removal(*rules, *address));
  return 0;
}

int run_install(const Options& options, std::chrono::steady_clock::time_point start) {
  const Ruleset rules = plan_ruleset(options.config);
  const auto lock = lock_namespace();
  if (!lock) return fail(lock.error());
  auto backend = NftBackend::open();
  if (!backend) return fail(backend.error());
  AddressOutcome address = AddressOutcome::no_ipv6;
  const auto report = install(*backend, rules, [&]() -> Result<void> {
    TRY(address, add_passthrough_address());
    return {};
  });
  if (!report) {
    // Without the rules the address serves nobody.
    if (address == AddressOutcome::added) (void)remove_passthrough_address();
    return fail(report.error());
  }
  auto others = report->other_nat;
  for (OtherNat& legacy : find_legacy_nat(process_environment()))
    others.push_back(std::move(legacy));
  for (const auto& line : describe_conflicts(others)) write_line(Stream::error, line);
  const auto stream = report->outcome == Outcome::mismatch ? Stream::error : Stream::output;
  for (const auto& line : describe_changes(*report)) write_line(stream, line);
  write_line(Stream::output, describe_address(address));
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
  write_line(stream, describe_outcome(*report, rules, took.count()));
  return static_cast<int>(report->outcome == Outcome::mismatch ? ExitCode::verification
                                                               : ExitCode::ok);
}

int run(std::span<const char* const> arguments) {
  const auto start = std::chrono::steady_clock::now();
  const auto options = parse_options(arguments, process_environment());
  if (!options) return fail(options.error(), ExitCode::usage);
  if (options->help) return write_text("", help_text()) ? 0 : 1;
  if (options->version) return write_text("", "weir-init " WEIR_VERSION "\n") ? 0 : 1;
  for (const auto& warning : options->warnings) write_line(Stream::error, "warning: " + warning);
  if (options->skip_rule_apply) {
    write_line(Stream::output, "skipped: nothing changed (--skip-rule-apply)");
    return 0;
  }
  if (options->dry_run) return run_dry(*options);
  return options->cleanup_only ? run_cleanup() : run_install(*options, start);
}

}  // namespace
}  // namespace weir::init

int main(int argc, char** argv) {
  return weir::init::run(
      std::span<const char* const>(argv, static_cast<std::size_t>(argc)).subspan(argc > 0 ? 1 : 0));
}
