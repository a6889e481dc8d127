// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include <yaml.h>

#include "inject/json_text.hpp"
#include "inject/yaml_text.hpp"

namespace weir::inject {
namespace {

const yaml_char_t* bytes(const std::string& text) {
  return reinterpret_cast<const yaml_char_t*>(text.c_str());
}

const yaml_char_t* bytes_or_null(const std::string& text) {
  return text.empty() ? nullptr : bytes(text);
}

class YamlWriter {
 public:
  explicit YamlWriter(bool windows_lines) {
    ready_ = yaml_emitter_initialize(&emitter_) == 1;
    if (!ready_) return;
    yaml_emitter_set_output(
        &emitter_,
        [](void* self, unsigned char* data, std::size_t size) {
          static_cast<YamlWriter*>(self)->out_.append(reinterpret_cast<char*>(data), size);
          return 1;
        },
        this);
    yaml_emitter_set_encoding(&emitter_, YAML_UTF8_ENCODING);
    yaml_emitter_set_unicode(&emitter_, 1);
    yaml_emitter_set_indent(&emitter_, 2);
    yaml_emitter_set_width(&emitter_, -1);
    yaml_emitter_set_break(&emitter_, windows_lines ? YAML_CRLN_BREAK : YAML_LN_BREAK);
  }
  YamlWriter(const YamlWriter&) = delete;
  YamlWriter& operator=(const YamlWriter&) = delete;
  ~YamlWriter() {
    if (ready_) yaml_emitter_delete(&emitter_);
  }

  Result<std::string> write(const Node& root) {
    yaml_event_t event;
    const bool written =
        ready_ && yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING) && emit(event) &&
        yaml_document_start_event_initialize(&event, nullptr, nullptr, nullptr, 1) && emit(event) &&
        value(root, false, false) && yaml_document_end_event_initialize(&event, 1) && emit(event) &&
        yaml_stream_end_event_initialize(&event) && emit(event);
    if (!written)
      return Error{std::string("cannot be written as YAML: ") +
                   (emitter_.problem != nullptr ? emitter_.problem : "no memory")};
    return std::move(out_);
  }

 private:
  bool emit(yaml_event_t& event) { return yaml_emitter_emit(&emitter_, &event) == 1; }

  bool value(const Node& node, bool in_flow, bool is_key) {
    switch (node.kind) {
      case Node::Kind::scalar:
        return scalar(node, in_flow || is_key);
      case Node::Kind::list:
        return list(node, in_flow || is_key);
      case Node::Kind::map:
        return map(node, in_flow || is_key);
      case Node::Kind::alias:
        break;
    }
    yaml_event_t event;
    return yaml_alias_event_initialize(&event, bytes(node.anchor)) && emit(event);
  }

  bool scalar(const Node& node, bool in_flow) {
    constexpr yaml_scalar_style_t kStyles[] = {
        YAML_PLAIN_SCALAR_STYLE, YAML_SINGLE_QUOTED_SCALAR_STYLE, YAML_DOUBLE_QUOTED_SCALAR_STYLE,
        YAML_LITERAL_SCALAR_STYLE, YAML_FOLDED_SCALAR_STYLE};
    yaml_scalar_style_t style = kStyles[static_cast<std::size_t>(node.style)];
    // Folding adds and removes line ends by rules that writer and reader do not share to the
    // letter.
    if (style == YAML_FOLDED_SCALAR_STYLE) style = YAML_LITERAL_SCALAR_STYLE;
    const bool nothing = node.text.empty() && node.style == Node::Style::plain && node.tag.empty();
    const std::string text = nothing && in_flow ? "null" : node.text;
    const int implicit = node.tag.empty() ? 1 : 0;
    yaml_event_t event;
    return yaml_scalar_event_initialize(&event, bytes_or_null(node.anchor), bytes_or_null(node.tag),
                                        bytes(text), static_cast<int>(text.size()), implicit,
                                        implicit, style) &&
           emit(event);
  }

  bool list(const Node& node, bool in_flow) {
    const bool flow = in_flow || node.flow;
    yaml_event_t event;
    if (!yaml_sequence_start_event_initialize(
            &event, bytes_or_null(node.anchor), bytes_or_null(node.tag), node.tag.empty() ? 1 : 0,
            flow ? YAML_FLOW_SEQUENCE_STYLE : YAML_BLOCK_SEQUENCE_STYLE) ||
        !emit(event))
      return false;
    for (const Node& item : node.items)
      if (!value(item, flow, false)) return false;
    return yaml_sequence_end_event_initialize(&event) && emit(event);
  }

  bool map(const Node& node, bool in_flow) {
    const bool flow = in_flow || node.flow;
    yaml_event_t event;
    if (!yaml_mapping_start_event_initialize(
            &event, bytes_or_null(node.anchor), bytes_or_null(node.tag), node.tag.empty() ? 1 : 0,
            flow ? YAML_FLOW_MAPPING_STYLE : YAML_BLOCK_MAPPING_STYLE) ||
        !emit(event))
      return false;
    for (const auto& [key, member] : node.entries)
      if (!value(key, flow, true) || !value(member, flow, false)) return false;
    return yaml_mapping_end_event_initialize(&event) && emit(event);
  }

  yaml_emitter_t emitter_{};
  bool ready_ = false;
  std::string out_;
};

}  // namespace

Result<std::string> write_yaml(const Node& node, bool windows_lines) {
  TRY(std::string text, YamlWriter(windows_lines).write(node));
  const auto again = parse_yaml(text);
  if (!again || !same_meaning(node, *again))
    return Error{"line " + std::to_string(node.line) + ", column " + std::to_string(node.column) +
                 ": this document cannot be written as YAML again without changing it"};
  return text;
}

}  // namespace weir::inject
