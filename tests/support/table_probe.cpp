// SPDX-License-Identifier: Apache-2.0
// table_probe print|install|compare: every_construct() as text for nft; or into the kernel of the
// network namespace that it runs in, read back and compared; or only compared with what is there.
// Exit 1 with the differences.
#include <cstdio>
#include <string_view>

#include "init/install/install.hpp"
#include "init/nft/nft_backend.hpp"
#include "init/rules/render.hpp"
#include "tests/support/every_construct.hpp"

namespace weir::init {
namespace {

int compare(bool install) {
  auto backend = NftBackend::open();
  if (!backend) return std::fprintf(stderr, "%s\n", backend.error().message.c_str()), 1;
  const Ruleset rules = every_construct();
  if (install) {
    const auto current = backend->read();
    if (!current) return std::fprintf(stderr, "%s\n", current.error().message.c_str()), 1;
    if (const auto done = backend->replace(rules, *current); !done)
      return std::fprintf(stderr, "%s\n", done.error().message.c_str()), 1;
  }
  const auto after = backend->read();
  if (!after || !after->rules) return std::fprintf(stderr, "nothing to read back\n"), 1;
  const Diff diff = diff_rulesets(rules, *after->rules);
  for (const auto& line : diff) std::fprintf(stderr, "%s\n", line.c_str());
  return diff.empty() ? 0 : 1;
}

}  // namespace
}  // namespace weir::init

int main(int argc, char** argv) {
  const std::string_view command = argc == 2 ? argv[1] : "";
  if (command == "install" || command == "compare")
    return weir::init::compare(command == "install");
  if (command != "print") return std::fprintf(stderr, "table_probe print|install|compare\n"), 2;
  std::fputs(weir::init::render_ruleset(weir::init::every_construct()).c_str(), stdout);
  return 0;
}
