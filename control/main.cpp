// SPDX-License-Identifier: Apache-2.0
// weir-control: command line → one of its commands.
#include <cstdio>
#include <cstdlib>
#include <string>

#include "common/log.hpp"
#include "control/admin.hpp"
#include "control/directory.hpp"
#include "control/options.hpp"
#include "control/serve.hpp"

namespace weir::control {
namespace {

constexpr int kExitOk = 0;
constexpr int kExitFailure = 1;
constexpr int kExitUsage = 2;

int fail(int code, const std::string& message) {
  std::fprintf(stderr, "weir-control: %s\n", message.c_str());
  return code;
}

int print(const Result<std::string>& text) {
  if (!text) return fail(kExitFailure, text.error().message);
  std::fputs(text->c_str(), stdout);
  return kExitOk;
}

int check(const Options& options) {
  Directory directory(options.directory);
  const auto reading = directory.read();
  if (!reading) return fail(kExitFailure, reading.error().message);
  for (const auto& one : reading->diagnostics.all())
    std::fprintf(stderr, "%s: %s\n", one.severity == config::Severity::error ? "error" : "warning",
                 one.to_string().c_str());
  return reading->diagnostics.has_errors() ? kExitFailure : kExitOk;
}

int run(const Options& options) {
  switch (options.command) {
    case Command::check:
      return check(options);
    case Command::status:
      return print(ask_status(options.admin));
    case Command::fetch:
      return print(fetch(options.fetch));
    case Command::serve:
      break;
  }
  if (auto logging = log::start(options.log_level, ""); !logging)
    return fail(kExitFailure, logging.error().message);
  if (auto served = serve(options); !served) return fail(kExitFailure, served.error().message);
  return kExitOk;
}

}  // namespace
}  // namespace weir::control

int main(int argc, char** argv) {
  // Our own messages say what went wrong.
  setenv("GRPC_VERBOSITY", "NONE", 0);
  const auto command_line = weir::control::parse_command_line(argc, argv);
  int code = weir::control::kExitOk;
  if (!command_line)
    code = weir::control::fail(weir::control::kExitUsage, command_line.error().message);
  else if (command_line->text)
    std::fputs(command_line->text->c_str(), stdout);
  else
    code = weir::control::run(command_line->options);
  std::fflush(nullptr);
  // gRPC's threads are at work still: no destructors under them.
  std::_Exit(code);
}
