// SPDX-License-Identifier: Apache-2.0
#include "proxy/config/conversion_state.hpp"

namespace weir::config {
namespace {

constexpr int kDeepest = 64;               // objects in objects; protobuf's own parser stops at 100
constexpr std::size_t kLongestQuote = 80;  // of a wrong value in a diagnostic

}  // namespace

ConversionState::Step::Step(ConversionState& state, std::string_view name)
    : path_(state.path_), length_(path_.size()) {
  if (!path_.empty()) path_ += '.';
  path_ += name;
}

ConversionState::Step::Step(ConversionState& state, int index)
    : path_(state.path_), length_(path_.size()) {
  path_ += '[' + std::to_string(index) + ']';
}

void ConversionState::report(Severity severity, const YamlNode& node, std::string text) {
  diagnostics_.add({severity, {document_.file, node.line, node.column}, path_, std::move(text)});
}

void ConversionState::remark(const YamlNode& node, const std::string& text) {
  if (!text.empty()) warning(node, quote(node.text) + ": " + text);
}

bool ConversionState::enter(const YamlNode& node) {
  if (stopped_) return false;
  if (++visited_ > document_.most_values) {
    stopped_ = true;
    error(node, "aliases stand for too many values");
    return false;
  }
  if (depth_ >= kDeepest) {
    error(node,
          "nested too deeply: more than " + std::to_string(kDeepest) + " objects in each other");
    return false;
  }
  ++depth_;
  return true;
}

std::string_view kind_of(const YamlNode& node) {
  if (node.is_object()) return "an object";
  if (node.is_list()) return "a list";
  return node.is_null() ? "null" : "a single value";
}

std::string quote(std::string_view text) {
  if (text.size() <= kLongestQuote) return "'" + std::string(text) + "'";
  return "'" + std::string(text.substr(0, kLongestQuote)) + "...'";
}

}  // namespace weir::config
