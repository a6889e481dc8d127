// SPDX-License-Identifier: Apache-2.0
#include "inject/document.hpp"

#include <algorithm>
#include <utility>

#include "inject/json_text.hpp"
#include "inject/utf8.hpp"
#include "inject/yaml_text.hpp"

namespace weir::inject {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

bool is_marker(std::string_view line, std::string_view marker) {
  if (!line.starts_with(marker)) return false;
  return line.size() == marker.size() || line[marker.size()] == ' ' ||
         line[marker.size()] == '\t' || line[marker.size()] == '\r' || line[marker.size()] == '\n';
}

bool is_blank_or_comment(std::string_view line) {
  const std::size_t at = line.find_first_not_of(" \t\r\n");
  return at == std::string_view::npos || line[at] == '#';
}

std::string_view line_at(std::string_view text, std::size_t at) {
  const std::size_t end = text.find('\n', at);
  return text.substr(at, end == std::string_view::npos ? end : end + 1 - at);
}

/// Cuts a file where documents begin: before a line `---`, after a line `...`. Neither can be
/// content: at the beginning of a line they end even a literal block.
class Cutter {
 public:
  explicit Cutter(std::string_view text) : text_(text) {}

  Result<std::vector<Document>> cut() {
    std::uint32_t line_number = 1;
    for (std::size_t at = 0; at < text_.size(); ++line_number) {
      const std::string_view line = line_at(text_, at);
      if (is_marker(line, "---")) {
        if (has_content_ || has_marker_) {
          TRY_VOID(finish(at, line_number));
        }
        has_marker_ = true;
        const bool alone = is_blank_or_comment(line.substr(3));
        if (!alone) begin_content(at);
      } else if (is_marker(line, "...")) {
        if (has_content_ || has_marker_) {
          TRY_VOID(finish(at + line.size(), line_number + 1));
        }
      } else if (!is_blank_or_comment(line) && !(line[0] == '%' && !has_marker_)) {
        begin_content(at);
      }
      at += line.size();
    }
    TRY_VOID(finish(text_.size(), line_number));
    return std::move(documents_);
  }

 private:
  void begin_content(std::size_t at) {
    if (has_content_) return;
    has_content_ = true;
    content_ = at;
  }

  Result<void> finish(std::size_t end, std::uint32_t next_line) {
    Document document;
    document.text = text_.substr(begin_, end - begin_);
    document.head = has_content_ ? content_ - begin_ : document.text.size();
    document.windows_lines = line_at(document.text, document.head).ends_with("\r\n");
    TRY(document.root, parse_yaml(document.text, line_));
    documents_.push_back(std::move(document));
    begin_ = end;
    line_ = next_line;
    has_content_ = has_marker_ = false;
    return {};
  }

  std::string_view text_;
  std::size_t begin_ = 0;
  std::size_t content_ = 0;
  std::uint32_t line_ = 1;
  bool has_content_ = false;
  bool has_marker_ = false;
  std::vector<Document> documents_;
};

}  // namespace

Result<File> parse_file(std::string_view text) {
  File file;
  if (text.size() > kTextMax) return Error{"line 1, column 1: more than 16 MB"};
  if (!is_utf8(text)) return Error{"line 1, column 1: not UTF-8"};
  const std::string_view body = text.starts_with(kByteOrderMark) ? text.substr(3) : text;
  const std::size_t first = body.find_first_not_of(" \t\r\n");
  if (first != std::string_view::npos && (body[first] == '{' || body[first] == '[')) {
    if (auto root = parse_json(body)) {
      file.json = true;
      file.documents.push_back({text, 0, false, *std::move(root)});
      return file;
    }
  }
  TRY(file.documents, Cutter(body).cut());
  if (body.size() != text.size() && !file.documents.empty()) {
    Document& document = file.documents[0];
    document.text = text.substr(0, document.text.size() + kByteOrderMark.size());
    document.head += kByteOrderMark.size();
  }
  return file;
}

Result<std::string> write_document(const Document& document, const Node& root, bool json) {
  if (json) return write_json(root);
  TRY(const std::string content, write_yaml(root, document.windows_lines));
  std::string out(document.text.substr(0, document.head));
  const std::string_view rest = document.text.substr(document.head);
  const std::string_view end = document.windows_lines ? "\r\n" : "\n";
  // `--- {a: b}`: content in the line of the marker.
  if (is_marker(rest, "---")) out.append("---").append(end);
  out += content;
  const std::size_t last = rest.rfind('\n', rest.size() < 2 ? 0 : rest.size() - 2);
  if (last != std::string_view::npos && is_marker(rest.substr(last + 1), "..."))
    out.append("...").append(end);
  return out;
}

}  // namespace weir::inject
