// SPDX-License-Identifier: Apache-2.0
// Any text as a file of manifests: what is injected is injected once, and uninject gives the
// meaning back.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "inject/document.hpp"
#include "inject/injection.hpp"
#include "inject/manifest.hpp"
#include "inject/yaml_text.hpp"

namespace {

using namespace weir;
using namespace weir::inject;

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

// Documents without content are none.
std::vector<Node> meaning(const std::string& text) {
  std::vector<Node> out;
  const auto file = parse_file(text);
  require(file.has_value(), "what was written can be read");
  for (const Document& document : file->documents) {
    auto root = without_aliases(document.root);
    require(root.has_value(), "what was written has no bomb in it");
    if (!root->is_null()) out.push_back(*std::move(root));
  }
  return out;
}

void check(const std::string& text, const InjectOptions& options) {
  const auto injected = inject_manifest(text, options);
  if (!injected || !injected->refusals.empty()) {
    require(!injected || injected->text.empty(), "a refusal prints nothing");
    require(injected || !injected.error().message.empty(), "an error says something");
    return;
  }
  const auto twice = inject_manifest(injected->text, options);
  require(twice && twice->text == injected->text, "inject(inject(x)) is inject(x)");
  if (text.find("weir.io/status") != std::string::npos || text.find("\\") != std::string::npos)
    return;
  const auto back = uninject_manifest(injected->text);
  require(back && back->refusals.empty(), "what was injected can be taken out");
  const auto before = meaning(text), after = meaning(back->text);
  require(before.size() == after.size(), "no document is lost");
  for (std::size_t i = 0; i < before.size(); ++i)
    require(same_meaning(before[i], after[i]), "uninject(inject(x)) means x");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  check(text, {});
  check(text, {.native_sidecar = false, .config_map = "c"});
  (void)patch_pod(text, {});
  return 0;
}
