// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <unordered_set>
#include <utility>

#include <yaml.h>

#include "inject/json_text.hpp"
#include "inject/yaml_text.hpp"

namespace weir::inject {
namespace {

std::string text_of(const yaml_char_t* text) {
  return text == nullptr ? std::string() : reinterpret_cast<const char*>(text);
}

/// One event of the parser, freed with it.
class Event {
 public:
  Event() = default;
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  ~Event() { yaml_event_delete(&event_); }

  yaml_event_t* get() { return &event_; }
  const yaml_event_t* operator->() const { return &event_; }

 private:
  yaml_event_t event_{};
};

class YamlReader {
 public:
  YamlReader(std::string_view text, std::uint32_t first_line) : first_line_(first_line) {
    ready_ = yaml_parser_initialize(&parser_) == 1;
    if (!ready_) return;
    yaml_parser_set_encoding(&parser_, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser_, reinterpret_cast<const unsigned char*>(text.data()),
                                 text.size());
  }
  YamlReader(const YamlReader&) = delete;
  YamlReader& operator=(const YamlReader&) = delete;
  ~YamlReader() {
    if (ready_) yaml_parser_delete(&parser_);
  }

  Result<Node> read() {
    if (!ready_) return Error{"no memory for the parser"};
    Node root;
    bool seen = false;
    for (;;) {
      Event event;
      TRY_VOID(next(event));
      switch (event->type) {
        case YAML_STREAM_END_EVENT:
          return root;
        case YAML_STREAM_START_EVENT:
        case YAML_DOCUMENT_END_EVENT:
          break;
        case YAML_DOCUMENT_START_EVENT:
          if (std::exchange(seen, true)) return error(event->start_mark, "a second document");
          break;
        default:
          TRY(root, value(event, 0));
      }
    }
  }

 private:
  Error error(const yaml_mark_t& mark, std::string_view reason) const {
    return Error{"line " + std::to_string(mark.line + first_line_) + ", column " +
                 std::to_string(mark.column + 1) + ": " + std::string(reason)};
  }

  Result<void> next(Event& event) {
    if (yaml_parser_parse(&parser_, event.get()) == 1) return {};
    const std::string problem =
        parser_.problem != nullptr ? parser_.problem : "no memory for the parser";
    // The reader counts in bytes, the others in lines.
    const yaml_mark_t mark =
        parser_.error == YAML_READER_ERROR ? parser_.mark : parser_.problem_mark;
    return error(mark, "not YAML: " + problem);
  }

  Result<Node> value(const Event& event, std::size_t depth) {
    if (depth > kDepthMax) return error(event->start_mark, "too many values in each other");
    if (++nodes_ > kNodesMax) return error(event->start_mark, "too many values in one document");
    Node node;
    node.line = static_cast<std::uint32_t>(event->start_mark.line) + first_line_;
    node.column = static_cast<std::uint32_t>(event->start_mark.column) + 1;
    switch (event->type) {
      case YAML_SCALAR_EVENT:
        scalar(event, node);
        break;
      case YAML_SEQUENCE_START_EVENT:
        TRY_VOID(list(event, node, depth));
        return node;
      case YAML_MAPPING_START_EVENT:
        TRY_VOID(map(event, node, depth));
        return node;
      default:
        node.kind = Node::Kind::alias;
        node.anchor = text_of(event->data.alias.anchor);
        if (!anchors_.contains(node.anchor))
          return error(event->start_mark, "alias '" + node.anchor + "': no such anchor before it");
    }
    if (!node.anchor.empty()) anchors_.insert(node.anchor);
    return node;
  }

  static void scalar(const Event& event, Node& node) {
    const auto& data = event->data.scalar;
    node.text.assign(reinterpret_cast<const char*>(data.value), data.length);
    node.tag = text_of(data.tag);
    node.anchor = text_of(data.anchor);
    switch (data.style) {
      case YAML_SINGLE_QUOTED_SCALAR_STYLE:
        node.style = Node::Style::single_quoted;
        break;
      case YAML_DOUBLE_QUOTED_SCALAR_STYLE:
        node.style = Node::Style::double_quoted;
        break;
      case YAML_LITERAL_SCALAR_STYLE:
        node.style = Node::Style::literal;
        break;
      case YAML_FOLDED_SCALAR_STYLE:
        node.style = Node::Style::folded;
        break;
      default:
        break;
    }
  }

  // An anchor is known once its value is complete: none contains itself.
  void remember(const Node& node) {
    if (!node.anchor.empty()) anchors_.insert(node.anchor);
  }

  Result<void> list(const Event& start, Node& node, std::size_t depth) {
    const auto& data = start->data.sequence_start;
    node.kind = Node::Kind::list;
    node.tag = text_of(data.tag);
    node.anchor = text_of(data.anchor);
    node.flow = data.style == YAML_FLOW_SEQUENCE_STYLE;
    for (;;) {
      Event event;
      TRY_VOID(next(event));
      if (event->type == YAML_SEQUENCE_END_EVENT) break;
      TRY(Node item, value(event, depth + 1));
      node.items.push_back(std::move(item));
    }
    remember(node);
    return {};
  }

  Result<void> map(const Event& start, Node& node, std::size_t depth) {
    const auto& data = start->data.mapping_start;
    node.kind = Node::Kind::map;
    node.tag = text_of(data.tag);
    node.anchor = text_of(data.anchor);
    node.flow = data.style == YAML_FLOW_MAPPING_STYLE;
    std::unordered_set<std::string> keys;
    for (;;) {
      Event of_key;
      TRY_VOID(next(of_key));
      if (of_key->type == YAML_MAPPING_END_EVENT) break;
      TRY(Node key, value(of_key, depth + 1));
      const bool merge = key.style == Node::Style::plain && key.text == "<<";
      if (key.is_scalar() && !merge && !keys.insert(key.text).second)
        return error(of_key->start_mark, "key '" + key.text + "' is there twice");
      Event of_value;
      TRY_VOID(next(of_value));
      TRY(Node member, value(of_value, depth + 1));
      node.entries.push_back({std::move(key), std::move(member)});
    }
    remember(node);
    return {};
  }

  yaml_parser_t parser_{};
  bool ready_ = false;
  std::uint32_t first_line_;
  std::size_t nodes_ = 0;
  std::unordered_set<std::string> anchors_;
};

}  // namespace

Result<Node> parse_yaml(std::string_view text, std::uint32_t first_line) {
  if (text.size() > kTextMax)
    return Error{"line " + std::to_string(first_line) + ", column 1: more than 16 MB"};
  return YamlReader(text, first_line).read();
}

}  // namespace weir::inject
