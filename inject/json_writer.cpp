// SPDX-License-Identifier: Apache-2.0
#include "common/json_writer.hpp"

#include <charconv>
#include <cmath>

#include "inject/json_text.hpp"
#include "inject/utf8.hpp"

namespace weir::inject {
namespace {

constexpr std::string_view kYamlTag = "tag:yaml.org,2002:";

Error node_error(const Node& node, std::string_view reason) {
  return Error{"line " + std::to_string(node.line) + ", column " + std::to_string(node.column) +
               ": " + std::string(reason)};
}

// The number that Kubernetes' tools read: octal with a leading 0, 0x, 0b, underscores.
Result<std::string> integer_text(const Node& node) {
  std::string digits;
  for (const char c : node.text)
    if (c != '_' && c != '+') digits.push_back(c);
  const bool negative = digits.starts_with('-');
  std::string_view rest = std::string_view(digits).substr(negative ? 1 : 0);
  if (rest == "0" || !rest.starts_with('0')) return digits;
  int base = 8;
  rest.remove_prefix(1);
  const auto prefix = [&](char lower, int its_base) {
    if (rest.empty() || (rest[0] | 0x20) != lower) return;
    base = its_base;
    rest.remove_prefix(1);
  };
  prefix('x', 16);
  prefix('b', 2);
  prefix('o', 8);
  unsigned long long value = 0;
  const auto [end, ec] = std::from_chars(rest.data(), rest.data() + rest.size(), value, base);
  if (ec == std::errc{} && end == rest.data() + rest.size())
    return (negative ? "-" : "") + std::to_string(value);
  // 089 is no octal number: go-yaml then reads a float.
  if (base != 8 || rest.find_first_not_of("0123456789") != std::string_view::npos)
    return node_error(node, "'" + node.text + "': a number that is too large");
  rest.remove_prefix(std::min(rest.find_first_not_of('0'), rest.size()));
  return (negative ? "-" : "") + std::string(rest.empty() ? "0" : rest);
}

Result<std::string> floating_text(const Node& node) {
  std::string digits;
  for (const char c : node.text)
    if (c != '_' && c != '+') digits.push_back(c);
  double value = 0;
  const auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (ec != std::errc{} || end != digits.data() + digits.size() || !std::isfinite(value))
    return node_error(node, "'" + node.text + "': not a number of JSON");
  std::string out;
  append_json_number(value, out);
  return out;
}

class Writer {
 public:
  explicit Writer(bool compact) : compact_(compact) {}

  Result<void> write(const Node& node, std::size_t depth) {
    switch (node.kind) {
      case Node::Kind::scalar:
        return scalar(node);
      case Node::Kind::list:
        return list(node, depth);
      case Node::Kind::map:
        return map(node, depth);
      case Node::Kind::alias:
        break;
    }
    return node_error(node, "an alias, which JSON does not have");
  }

  std::string out;

 private:
  void new_line(std::size_t depth) {
    if (compact_) return;
    out.push_back('\n');
    out.append(2 * depth, ' ');
  }

  void quoted(std::string_view text) {
    out.push_back('"');
    append_escaped_json(text, out);
    out.push_back('"');
  }

  Result<void> scalar(const Node& node) {
    std::string_view tag = node.tag;
    if (!tag.empty() && tag != "!") {
      if (!tag.starts_with(kYamlTag))
        return node_error(node, "tag '" + node.tag + "': JSON has no tags");
      tag.remove_prefix(kYamlTag.size());
    }
    if (tag == "str" || tag == "!" || tag == "binary" ||
        (tag.empty() && node.style != Node::Style::plain)) {
      quoted(node.text);
      return {};
    }
    switch (plain_kind(node.text)) {
      case PlainKind::null:
        out += "null";
        break;
      case PlainKind::boolean: {
        Node untagged = Node::plain(node.text);
        out += untagged.is_true() ? "true" : "false";
        break;
      }
      case PlainKind::integer: {
        TRY(const std::string number, integer_text(node));
        out += number;
        break;
      }
      case PlainKind::floating: {
        if (parse_json(node.text)) {
          out += node.text;  // JSON's own spelling is kept
          break;
        }
        TRY(const std::string number, floating_text(node));
        out += number;
        break;
      }
      case PlainKind::string:
        quoted(node.text);
    }
    return {};
  }

  Result<void> list(const Node& node, std::size_t depth) {
    out.push_back('[');
    bool first = true;
    for (const Node& item : node.items) {
      if (!std::exchange(first, false)) out.push_back(',');
      new_line(depth + 1);
      TRY_VOID(write(item, depth + 1));
    }
    if (!first) new_line(depth);
    out.push_back(']');
    return {};
  }

  Result<void> map(const Node& node, std::size_t depth) {
    out.push_back('{');
    bool first = true;
    for (const auto& [key, value] : node.entries) {
      if (!key.is_scalar())
        return node_error(key, "a key that is not a word, which JSON does not have");
      if (!std::exchange(first, false)) out.push_back(',');
      new_line(depth + 1);
      quoted(key.text);
      out += compact_ ? ":" : ": ";
      TRY_VOID(write(value, depth + 1));
    }
    if (!first) new_line(depth);
    out.push_back('}');
    return {};
  }

  bool compact_;
};

}  // namespace

Result<std::string> write_json(const Node& node) {
  Writer writer(false);
  TRY_VOID(writer.write(node, 0));
  writer.out.push_back('\n');
  return std::move(writer.out);
}

Result<std::string> write_compact_json(const Node& node) {
  Writer writer(true);
  TRY_VOID(writer.write(node, 0));
  return std::move(writer.out);
}

}  // namespace weir::inject
