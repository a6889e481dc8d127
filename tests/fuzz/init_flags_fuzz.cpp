// SPDX-License-Identifier: Apache-2.0
// Any text as a command line of weir-init, Kuma or linkerd, or as their files of flags: it becomes
// Options, or one line that says what is wrong; and what it becomes can be planned and written down
// as flags again.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "init/cli/canonical_flags.hpp"
#include "init/cli/cli.hpp"
#include "init/plan/plan.hpp"

namespace {

using namespace weir;
using namespace weir::init;

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

Environment environment(std::string_view input) {
  return Environment{[](const std::string&) { return std::optional<std::string>(); },
                     [input](const std::string& path) -> Result<std::string> {
                       if (path == "input" || path == "-") return std::string(input);
                       if (path == "/etc/passwd") return std::string("kuma-dp:x:700:700::/:\n");
                       if (path == "/etc/resolv.conf") return std::string("nameserver 192.0.2.1\n");
                       return Error{"file: No such file or directory", 2};
                     }};
}

void check(const Result<Options>& options) {
  if (!options) {
    require(!options.error().message.empty(), "an error says something");
    require(options.error().message.find('\n') == std::string::npos, "an error is one line");
    return;
  }
  if (options->help || options->version || options->command != Command::install) return;
  const RedirectConfig plain = canonical(options->config);
  const auto again = from_arguments(to_arguments(options->config));
  require(again.has_value(), "flags that are written down are understood");
  require(*again == plain, "flags that are written down mean the same");
  require(plan_ruleset(plain).chains.size() >= 2, "there is a plan");
}

void run(const std::vector<std::string>& words, std::string_view input) {
  std::vector<const char*> arguments;
  for (const std::string& word : words) arguments.push_back(word.c_str());
  check(parse_options(arguments, environment(input)));
}

// One word a line.
std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    const std::string_view word = text.substr(0, end);
    if (word.find('\0') == std::string_view::npos) words.emplace_back(word);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  run({"--config", "input"}, text);
  run({"--compat", "kuma", "--config-file", "input"}, text);
  run(words_of(text), text);
  return 0;
}
