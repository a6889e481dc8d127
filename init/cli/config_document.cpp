// SPDX-License-Identifier: Apache-2.0
#include "init/cli/config_document.hpp"

#include <algorithm>
#include <utility>

#include <yaml.h>

namespace weir::init {
namespace {

Error line_error(std::size_t line, std::string_view reason) {
  return Error{"line " + std::to_string(line) + ": " + std::string(reason)};
}

std::string_view text_of(const yaml_char_t* text, std::size_t length) {
  return {reinterpret_cast<const char*>(text), length};
}

bool is_null(std::string_view text) {
  constexpr std::string_view kNulls[] = {"", "~", "null", "Null", "NULL"};
  return std::find(std::begin(kNulls), std::end(kNulls), text) != std::end(kNulls);
}

/// One event of the parser, freed with it.
class Event {
 public:
  Event() = default;
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  ~Event() { yaml_event_delete(&event_); }

  yaml_event_t* get() { return &event_; }
  [[nodiscard]] yaml_event_type_t type() const { return event_.type; }
  [[nodiscard]] std::uint32_t line() const {
    return static_cast<std::uint32_t>(event_.start_mark.line + 1);
  }
  [[nodiscard]] const yaml_event_t& operator*() const { return event_; }

 private:
  yaml_event_t event_{};
};

class DocumentReader {
 public:
  explicit DocumentReader(std::string_view text) {
    ready_ = yaml_parser_initialize(&parser_) == 1;
    if (ready_)
      yaml_parser_set_input_string(&parser_, reinterpret_cast<const unsigned char*>(text.data()),
                                   text.size());
  }
  DocumentReader(const DocumentReader&) = delete;
  DocumentReader& operator=(const DocumentReader&) = delete;
  ~DocumentReader() {
    if (ready_) yaml_parser_delete(&parser_);
  }

  Result<ConfigNode> read() {
    if (!ready_) return Error{"no memory for the parser"};
    ConfigNode root;
    for (;;) {
      Event event;
      TRY_VOID(next(event));
      switch (event.type()) {
        case YAML_STREAM_END_EVENT:
          return root;
        case YAML_STREAM_START_EVENT:
        case YAML_DOCUMENT_END_EVENT:
          break;
        case YAML_DOCUMENT_START_EVENT:
          if (std::exchange(seen_document_, true))
            return line_error(event.line(), "a second document; one is allowed");
          break;
        default:
          TRY(root, value(event, 0));
      }
    }
  }

 private:
  Result<void> next(Event& event) {
    if (yaml_parser_parse(&parser_, event.get()) == 1) return {};
    const std::size_t line = std::max(parser_.problem_mark.line, parser_.context_mark.line) + 1;
    return line_error(line, std::string("not YAML or JSON: ") +
                                (parser_.problem != nullptr ? parser_.problem : "no memory"));
  }

  Result<ConfigNode> value(const Event& event, std::size_t depth) {
    if (depth > kConfigDepthMax) return line_error(event.line(), "too many values in each other");
    switch (event.type()) {
      case YAML_SCALAR_EVENT:
        return scalar(event);
      case YAML_SEQUENCE_START_EVENT:
        return list(event, depth);
      case YAML_MAPPING_START_EVENT:
        return map(event, depth);
      default:
        return line_error(event.line(), "aliases are not supported; write the value out");
    }
  }

  static Result<ConfigNode> scalar(const Event& event) {
    const auto& data = (*event).data.scalar;
    if (data.anchor != nullptr) return line_error(event.line(), "anchors are not supported");
    if (data.tag != nullptr) return line_error(event.line(), "tags are not supported");
    ConfigNode node;
    node.line = event.line();
    const std::string_view text = text_of(data.value, data.length);
    if (text.find('\0') != std::string_view::npos)
      return line_error(event.line(), "a value with a zero byte");
    if (data.style == YAML_PLAIN_SCALAR_STYLE && is_null(text)) return node;
    node.kind = ConfigNode::Kind::scalar;
    node.text = text.substr(0, text.find_last_not_of('\n') + 1);  // a block ends with one
    if (node.text.find('\n') != std::string::npos)
      return line_error(event.line(), "a value of several lines; write a list");
    return node;
  }

  Result<ConfigNode> list(const Event& start, std::size_t depth) {
    const auto& data = (*start).data.sequence_start;
    if (data.anchor != nullptr) return line_error(start.line(), "anchors are not supported");
    if (data.tag != nullptr) return line_error(start.line(), "tags are not supported");
    ConfigNode node;
    node.kind = ConfigNode::Kind::list;
    node.line = start.line();
    for (;;) {
      Event event;
      TRY_VOID(next(event));
      if (event.type() == YAML_SEQUENCE_END_EVENT) return node;
      TRY(ConfigNode item, value(event, depth + 1));
      node.items.push_back(std::move(item));
    }
  }

  Result<ConfigNode> map(const Event& start, std::size_t depth) {
    const auto& data = (*start).data.mapping_start;
    if (data.anchor != nullptr) return line_error(start.line(), "anchors are not supported");
    if (data.tag != nullptr) return line_error(start.line(), "tags are not supported");
    ConfigNode node;
    node.kind = ConfigNode::Kind::map;
    node.line = start.line();
    for (;;) {
      Event event;
      TRY_VOID(next(event));
      if (event.type() == YAML_MAPPING_END_EVENT) return node;
      TRY(const ConfigNode key, value(event, depth + 1));
      if (key.kind != ConfigNode::Kind::scalar)
        return line_error(event.line(), "a key that is not a word");
      if (node.entries.size() == kConfigKeysMax)
        return line_error(key.line, "more keys than any program has flags");
      if (node.find(key.text) != nullptr)
        return line_error(key.line, "'" + key.text + "' is there twice");
      Event of_value;
      TRY_VOID(next(of_value));
      TRY(ConfigNode entry, value(of_value, depth + 1));
      if (entry.line == 0) entry.line = key.line;
      node.entries.push_back({key.text, std::move(entry)});
    }
  }

  yaml_parser_t parser_{};
  bool ready_ = false;
  bool seen_document_ = false;
};

}  // namespace

const ConfigNode* ConfigNode::find(std::string_view key) const {
  for (const auto& [name, value] : entries)
    if (name == key) return &value;
  return nullptr;
}

Result<ConfigNode> parse_config_document(std::string_view text) {
  return DocumentReader(text).read();
}

}  // namespace weir::init
