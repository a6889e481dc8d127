// SPDX-License-Identifier: Apache-2.0
#include "proxy/config/conversion_state.hpp"

#include <yaml-cpp/yaml.h>

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

void ConversionState::report(Severity severity, const YAML::Node& node, std::string text) {
  const YAML::Mark mark = node.Mark();
  Place place{document_.file, 0, 0};
  if (!mark.is_null()) place = {document_.file, mark.line + 1, mark.column + 1};
  diagnostics_.add({severity, std::move(place), path_, std::move(text)});
}

void ConversionState::remark(const YAML::Node& node, const std::string& text) {
  if (!text.empty()) warning(node, quote(node.Scalar()) + ": " + text);
}

bool ConversionState::enter(const YAML::Node& node) {
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

bool is_quoted(const YAML::Node& node) {
  return node.Tag() == "!" || node.Tag() == "tag:yaml.org,2002:str";
}

std::string_view kind_of(const YAML::Node& node) {
  if (node.IsMap()) return "an object";
  if (node.IsSequence()) return "a list";
  return node.IsNull() ? "null" : "a single value";
}

std::string quote(std::string_view text) {
  if (text.size() <= kLongestQuote) return "'" + std::string(text) + "'";
  return "'" + std::string(text.substr(0, kLongestQuote)) + "...'";
}

}  // namespace weir::config
