// SPDX-License-Identifier: Apache-2.0
// A file of Kubernetes objects as a list of documents, each with the text that it was.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.hpp"
#include "inject/node.hpp"

namespace weir::inject {

/// One document of a file. `text` is all of it, `---` and comments included, so that a document
/// that is not changed goes out as it came; `head` are its first bytes up to the content.
struct Document {
  std::string_view text;
  std::size_t head = 0;
  bool windows_lines = false;
  Node root;
};

struct File {
  bool json = false;  // one document
  std::vector<Document> documents;
};

/// Keeps views into `text`. JSON when it begins with '{' or '[' and is JSON, YAML otherwise. Errors
/// read "line 3, column 5: reason".
Result<File> parse_file(std::string_view text);

/// The document's text with another content: what stood before the content stays.
Result<std::string> write_document(const Document& document, const Node& root, bool json);

}  // namespace weir::inject
