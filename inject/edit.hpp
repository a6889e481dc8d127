// SPDX-License-Identifier: Apache-2.0
// Edits of a document as a value: what RFC 6902 calls operations, applied to a tree or printed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.hpp"
#include "inject/node.hpp"

namespace weir::inject {

/// `path` is a JSON pointer (RFC 6901) from the Pod, or Pod template, on.
struct Edit {
  enum class Kind : std::uint8_t { add, replace, remove };
  Kind kind = Kind::add;
  std::string path;
  Node value;  // not for remove
};

/// A path's next part, escaped: `a/b` → `a~1b`.
std::string pointer_part(std::string_view key);

/// The value at `pointer`; nullptr where there is none.
const Node* find_at(const Node& root, std::string_view pointer);
Node* find_at(Node& root, std::string_view pointer);

/// In order, each as RFC 6902 says. Error, with the path, for one that does not fit; the tree then
/// has those before it.
Result<void> apply(const std::vector<Edit>& edits, Node& root);

/// A JSON patch, in one line. `base` is the pointer to the Pod (template) in the document.
Result<std::string> to_json_patch(const std::vector<Edit>& edits, std::string_view base = "");

}  // namespace weir::inject
