// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdint>
#include <optional>
#include <unordered_set>
#include <utility>

#include "inject/json_text.hpp"
#include "inject/utf8.hpp"

namespace weir::inject {
namespace {

class JsonReader {
 public:
  explicit JsonReader(std::string_view text) : text_(text) {}

  Result<Node> read() {
    if (text_.size() > kTextMax) return error("more than 16 MB");
    skip_blanks();
    TRY(Node root, value(0));
    skip_blanks();
    if (at_ != text_.size()) return error("something after the end of the document");
    return root;
  }

 private:
  Error error(std::string_view reason) const {
    const std::string_view before = text_.substr(0, at_);
    const auto line = std::count(before.begin(), before.end(), '\n') + 1;
    const std::size_t begin = before.rfind('\n') + 1;  // npos + 1 = 0
    return Error{"line " + std::to_string(line) + ", column " + std::to_string(at_ - begin + 1) +
                 ": " + std::string(reason)};
  }

  void skip_blanks() {
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == '\n') {
        ++line_;
        line_begin_ = at_ + 1;
      } else if (c != ' ' && c != '\t' && c != '\r') {
        return;
      }
    }
  }

  bool take(char c) {
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  Result<Node> value(std::size_t depth) {
    if (depth > kDepthMax) return error("too many values in each other");
    if (++nodes_ > kNodesMax) return error("too many values in one document");
    if (at_ == text_.size()) return error("the document ends where a value is expected");
    Node node;
    node.line = line_;
    node.column = static_cast<std::uint32_t>(at_ - line_begin_ + 1);
    const char c = text_[at_];
    if (c == '{') {
      TRY_VOID(object(node, depth));
    } else if (c == '[') {
      TRY_VOID(array(node, depth));
    } else if (c == '"') {
      node.style = Node::Style::double_quoted;
      TRY(node.text, string());
    } else {
      TRY(node.text, word());
    }
    return node;
  }

  Result<void> object(Node& node, std::size_t depth) {
    node.kind = Node::Kind::map;
    node.flow = true;
    ++at_;
    skip_blanks();
    if (take('}')) return {};
    std::unordered_set<std::string> keys;
    for (;;) {
      skip_blanks();
      if (at_ == text_.size() || text_[at_] != '"') return error("expected a key in quotes");
      TRY(Node key, value(depth + 1));
      if (!keys.insert(key.text).second) return error("key '" + key.text + "' is there twice");
      skip_blanks();
      if (!take(':')) return error("expected ':' after a key");
      skip_blanks();
      TRY(Node member, value(depth + 1));
      node.entries.push_back({std::move(key), std::move(member)});
      skip_blanks();
      if (take('}')) return {};
      if (!take(',')) return error("expected ',' or '}' in an object");
    }
  }

  Result<void> array(Node& node, std::size_t depth) {
    node.kind = Node::Kind::list;
    node.flow = true;
    ++at_;
    skip_blanks();
    if (take(']')) return {};
    for (;;) {
      skip_blanks();
      TRY(Node item, value(depth + 1));
      node.items.push_back(std::move(item));
      skip_blanks();
      if (take(']')) return {};
      if (!take(',')) return error("expected ',' or ']' in an array");
    }
  }

  // true, false, null, or a number in JSON's grammar.
  Result<std::string> word() {
    std::size_t end = at_;
    while (end < text_.size() &&
           std::string_view(" \t\r\n,]}:\"[{").find(text_[end]) == std::string_view::npos)
      ++end;
    const std::string_view word = text_.substr(at_, end - at_);
    if (word != "true" && word != "false" && word != "null" && !is_json_number(word))
      return error("'" + std::string(word.substr(0, 40)) + "' is no value of JSON");
    at_ = end;
    return std::string(word);
  }

  static bool is_json_number(std::string_view text) {
    const auto digits = [&] {
      const std::size_t count = std::min(text.find_first_not_of("0123456789"), text.size());
      text.remove_prefix(count);
      return count;
    };
    if (text.starts_with('-')) text.remove_prefix(1);
    const bool zero = text.starts_with('0');
    const std::size_t whole = digits();
    if (whole == 0 || (zero && whole > 1)) return false;
    if (text.starts_with('.')) {
      text.remove_prefix(1);
      if (digits() == 0) return false;
    }
    if (text.starts_with('e') || text.starts_with('E')) {
      text.remove_prefix(1);
      if (text.starts_with('+') || text.starts_with('-')) text.remove_prefix(1);
      if (digits() == 0) return false;
    }
    return text.empty();
  }

  Result<std::string> string() {
    std::string out;
    for (++at_; at_ < text_.size();) {
      const char c = text_[at_];
      if (c == '"') {
        ++at_;
        if (!is_utf8(out)) return error("a string that is not UTF-8");
        return out;
      }
      if (static_cast<unsigned char>(c) < 0x20) return error("a control character in a string");
      if (c == '\\') {
        TRY_VOID(escape(out));
      } else {
        out.push_back(c);
        ++at_;
      }
    }
    return error("a string without an end");
  }

  Result<void> escape(std::string& out) {
    constexpr std::string_view kLetters = "\"\\/bfnrt";
    constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
    ++at_;
    const char c = at_ < text_.size() ? text_[at_] : '\0';
    ++at_;
    if (const std::size_t i = kLetters.find(c); c != '\0' && i != std::string_view::npos) {
      out.push_back(kMeanings[i]);
      return {};
    }
    std::optional<std::uint32_t> unit = c == 'u' ? hex4() : std::nullopt;
    if (!unit) return error("an escape that JSON does not have");
    if (*unit >= 0xd800 && *unit < 0xdc00 && text_.substr(at_, 2) == "\\u") {
      at_ += 2;
      const auto low = hex4();
      if (!low || *low < 0xdc00 || *low > 0xdfff) return error("half of a surrogate pair");
      unit = 0x10000 + ((*unit - 0xd800) << 10) + (*low - 0xdc00);
    }
    if (*unit >= 0xd800 && *unit <= 0xdfff) return error("half of a surrogate pair");
    append_utf8(*unit, out);
    return {};
  }

  std::optional<std::uint32_t> hex4() {
    std::uint32_t value = 0;
    if (text_.size() < at_ + 4) return std::nullopt;
    for (int i = 0; i < 4; ++i) {
      const char c = text_[at_++];
      const std::string_view digits = "0123456789abcdef";
      const std::size_t digit = digits.find(static_cast<char>(c >= 'A' && c <= 'F' ? c + 32 : c));
      if (digit == std::string_view::npos) return std::nullopt;
      value = value * 16 + static_cast<std::uint32_t>(digit);
    }
    return value;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t nodes_ = 0;
  std::uint32_t line_ = 1;
  std::size_t line_begin_ = 0;
};

}  // namespace

Result<Node> parse_json(std::string_view text) { return JsonReader(text).read(); }

}  // namespace weir::inject
