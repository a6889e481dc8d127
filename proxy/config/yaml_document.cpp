// SPDX-License-Identifier: Apache-2.0
#include "proxy/config/yaml_document.hpp"

#include <algorithm>
#include <charconv>
#include <sstream>

#include <yaml-cpp/depthguard.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

namespace weir::config {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

bool looks_like_json(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos && text[first] == '{';
}

/// The code unit of `\uXXXX` at `at`, or nullopt.
std::optional<unsigned> code_unit(std::string_view text, std::size_t at) {
  if (at + 6 > text.size() || text[at] != '\\' || text[at + 1] != 'u') return std::nullopt;
  unsigned value = 0;
  const char* end = text.data() + at + 6;
  const auto parsed = std::from_chars(text.data() + at + 2, end, value, 16);
  if (parsed.ptr != end) return std::nullopt;
  return value;
}

/// JSON writes characters past U+FFFF as two \u escapes, which YAML does not know: `\ud83d\ude00` →
/// `\U0001f600`.
std::string join_surrogates(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    const auto high = code_unit(text, i);
    const auto low = high ? code_unit(text, i + 6) : std::nullopt;
    if (low && *high >= 0xD800 && *high < 0xDC00 && *low >= 0xDC00 && *low < 0xE000) {
      constexpr char kDigits[] = "0123456789abcdef";
      const unsigned rune = 0x10000 + ((*high - 0xD800) << 10) + (*low - 0xDC00);
      out += "\\U";
      for (int shift = 28; shift >= 0; shift -= 4) out += kDigits[(rune >> shift) & 0xF];
      i += 12;
    } else if (text[i] == '\\' && i + 1 < text.size()) {
      out.append(text.substr(i, 2));
      i += 2;
    } else {
      out += text[i++];
    }
  }
  return out;
}

/// Builds the tree from the parser's events.
class TreeBuilder final : public YAML::EventHandler {
 public:
  explicit TreeBuilder(std::deque<YamlNode>& nodes) : nodes_(nodes) {}

  [[nodiscard]] const YamlNode* root() const { return root_; }
  [[nodiscard]] const YAML::Mark& start() const { return start_; }

  void OnDocumentStart(const YAML::Mark& mark) override { start_ = mark; }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    add(YamlNode::Kind::null, mark, anchor);
  }
  void OnAlias(const YAML::Mark&, YAML::anchor_t anchor) override { attach(anchors_.at(anchor)); }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    YamlNode& node = add(YamlNode::Kind::scalar, mark, anchor);
    node.quoted = tag == "!" || tag == "tag:yaml.org,2002:str";
    node.text = value;
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open_.push_back({&add(YamlNode::Kind::list, mark, anchor), nullptr});
  }
  void OnSequenceEnd() override { open_.pop_back(); }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open_.push_back({&add(YamlNode::Kind::object, mark, anchor), nullptr});
  }
  void OnMapEnd() override { open_.pop_back(); }

 private:
  /// A list or object that is being filled, and the key that waits for its value.
  struct Open {
    YamlNode* node;
    const YamlNode* key;
  };

  YamlNode& add(YamlNode::Kind kind, const YAML::Mark& mark, YAML::anchor_t anchor) {
    YamlNode& node = nodes_.emplace_back();
    node.kind = kind;
    node.line = mark.line + 1;
    node.column = mark.column + 1;
    if (anchor != 0) {
      if (anchors_.size() <= anchor) anchors_.resize(anchor + 1);
      anchors_[anchor] = &node;
    }
    attach(&node);
    return node;
  }

  void attach(const YamlNode* node) {
    if (open_.empty()) {
      root_ = node;
    } else if (Open& open = open_.back(); open.node->is_list()) {
      open.node->items.push_back(node);
    } else if (open.key == nullptr) {
      open.key = node;
    } else {
      open.node->entries.push_back({open.key, node});
      open.key = nullptr;
    }
  }

  std::deque<YamlNode>& nodes_;
  std::vector<const YamlNode*> anchors_;  // by the parser's number, from 1
  std::vector<Open> open_;
  const YamlNode* root_ = nullptr;
  YAML::Mark start_;
};

/// Notes where a document begins, and ignores what is in it.
class StartFinder final : public YAML::EventHandler {
 public:
  YAML::Mark start;
  void OnDocumentStart(const YAML::Mark& mark) override { start = mark; }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t,
                const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}
};

Place place_of(const std::string& file, const YAML::Mark& mark) {
  if (mark.is_null()) return {file, 0, 0};
  return {file, mark.line + 1, mark.column + 1};
}

/// Line `line` of the text, counted from 0, and all that follows it.
std::string_view text_from_line(std::string_view text, int line) {
  for (; line > 0; --line) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) return {};
    text.remove_prefix(end + 1);
  }
  return text;
}

/// The mistake that yaml-cpp's messages do not name.
std::string_view tab_hint(std::string_view text, const YAML::Mark& mark) {
  const std::string_view line = text_from_line(text, mark.line);
  const std::string_view indentation =
      line.substr(0, std::min(line.find_first_not_of(" \t"), line.size()));
  if (looks_like_json(text) || indentation.find('\t') == std::string_view::npos) return "";
  return "; indentation must not contain tabs";
}

/// What follows the first document: another one is ignored with a warning, anything else is left
/// over from a bracket too many, which the parser does not mind.
void check_rest(YAML::Parser& parser, std::string_view text, const std::string& file,
                Diagnostics& diagnostics) {
  StartFinder rest;
  bool broken = false;
  try {
    if (!parser.HandleNextDocument(rest)) return;
  } catch (const YAML::Exception&) {
    broken = true;
  }
  if (rest.start.column == 0 && text_from_line(text, rest.start.line).starts_with("---"))
    diagnostics.add({Severity::warning, place_of(file, rest.start), "",
                     "more than one document: only the first is used"});
  else if (!broken || rest.start.line + rest.start.column > 0)
    diagnostics.add({Severity::error, place_of(file, rest.start), "",
                     "not valid YAML or JSON: text after the end of the document"});
}

/// Throws what yaml-cpp throws.
void parse_all(const std::string& text, const std::string& file,
               std::vector<std::shared_ptr<const YamlDocument>>& out, Diagnostics& diagnostics) {
  std::istringstream in(text);
  YAML::Parser parser(in);
  for (bool first = true;; first = false) {
    auto document = std::make_shared<YamlDocument>();
    document->file = file;
    document->most_values = text.size() + 1024;
    TreeBuilder builder(document->nodes);
    if (!parser.HandleNextDocument(builder)) return;
    if (!first && !(builder.start().column == 0 &&
                    text_from_line(text, builder.start().line).starts_with("---")))
      return diagnostics.add({Severity::error, place_of(file, builder.start()), "",
                              "not valid YAML or JSON: text after the end of the document"});
    document->root = builder.root();
    if (document->root != nullptr && !document->root->is_null()) out.push_back(std::move(document));
  }
}

/// Throws what yaml-cpp throws.
void parse_text(const std::string& text, YamlDocument& document, Diagnostics& diagnostics) {
  std::istringstream in(text);
  YAML::Parser parser(in);
  TreeBuilder builder(document.nodes);
  if (!parser.HandleNextDocument(builder)) return;
  document.root = builder.root();
  check_rest(parser, text, document.file, diagnostics);
}

/// Runs `parse` on the text as yaml-cpp can read it. False after reporting what it threw.
template <class Parse>
bool guarded(const std::string& file, std::string_view text, Diagnostics& diagnostics,
             const Parse& parse) {
  const auto fail = [&](const YAML::Mark& mark, std::string why) {
    diagnostics.add({Severity::error, place_of(file, mark), "", std::move(why)});
    return false;
  };
  if (text.size() > kLargestDocument)
    return fail(YAML::Mark::null_mark(), "document of " + std::to_string(text.size()) +
                                             " bytes: larger than the limit of " +
                                             std::to_string(kLargestDocument));
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  const bool has_escapes = looks_like_json(text) && text.find("\\u") != std::string_view::npos;
  try {
    parse(has_escapes ? join_surrogates(text) : std::string(text));
  } catch (const YAML::DeepRecursion& problem) {
    return fail(problem.mark, "nested too deeply");
  } catch (const YAML::Exception& problem) {
    return fail(problem.mark, "not valid YAML or JSON: " + problem.msg +
                                  std::string(tab_hint(text, problem.mark)));
  }
  return true;
}

}  // namespace

std::shared_ptr<const YamlDocument> parse_document(std::string file, std::string_view text,
                                                   Diagnostics& diagnostics) {
  auto document = std::make_shared<YamlDocument>();
  document->file = std::move(file);
  document->most_values = text.size() + 1024;
  if (!guarded(document->file, text, diagnostics,
               [&](const std::string& readable) { parse_text(readable, *document, diagnostics); }))
    return nullptr;
  if (document->root != nullptr && !document->root->is_null()) return document;
  diagnostics.add({Severity::error, Place{document->file, 0, 0}, "",
                   "empty: expected an object with fields like 'static_resources'"});
  return nullptr;
}

std::vector<std::shared_ptr<const YamlDocument>> parse_documents(const std::string& file,
                                                                 std::string_view text,
                                                                 Diagnostics& diagnostics) {
  std::vector<std::shared_ptr<const YamlDocument>> documents;
  guarded(file, text, diagnostics,
          [&](const std::string& readable) { parse_all(readable, file, documents, diagnostics); });
  return documents;
}

}  // namespace weir::config
