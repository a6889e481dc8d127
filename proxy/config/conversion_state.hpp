// SPDX-License-Identifier: Apache-2.0
// ConversionState: where the conversion of one document stands, what it may still visit, and how it
// reports.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "proxy/config/diagnostics.hpp"
#include "proxy/config/yaml_document.hpp"

namespace weir::config {

/// Used by yaml_to_proto and its parts only.
class ConversionState {
 public:
  ConversionState(const YamlDocument& document, Diagnostics& diagnostics)
      : document_(document), diagnostics_(diagnostics) {}

  /// Extends the path for as long as it lives: ".name" or "[index]".
  class Step {
   public:
    Step(ConversionState& state, std::string_view name);
    Step(ConversionState& state, int index);
    Step(const Step&) = delete;
    Step& operator=(const Step&) = delete;
    ~Step() { path_.resize(length_); }

   private:
    std::string& path_;
    std::size_t length_;
  };

  /// Counts one value against the limits while it lives. False = they are exceeded: do not go into
  /// the value.
  class Visit {
   public:
    Visit(ConversionState& state, const YamlNode& node)
        : state_(state), allowed_(state.enter(node)) {}
    Visit(const Visit&) = delete;
    Visit& operator=(const Visit&) = delete;
    ~Visit() {
      if (allowed_) --state_.depth_;
    }
    explicit operator bool() const { return allowed_; }

   private:
    ConversionState& state_;
    bool allowed_;
  };

  void report(Severity severity, const YamlNode& node, std::string text);
  void error(const YamlNode& node, std::string text) {
    report(Severity::error, node, std::move(text));
  }
  void warning(const YamlNode& node, std::string text) {
    report(Severity::warning, node, std::move(text));
  }
  /// A warning about a scalar that was accepted out of leniency; nothing when `text` is empty.
  void remark(const YamlNode& node, const std::string& text);

  /// The document has too many values: everything stops.
  [[nodiscard]] bool stopped() const { return stopped_; }

 private:
  bool enter(const YamlNode& node);

  const YamlDocument& document_;
  Diagnostics& diagnostics_;
  std::string path_;
  int depth_ = 0;
  std::size_t visited_ = 0;
  bool stopped_ = false;
};

/// "an object", "a list", "null" or "a single value".
std::string_view kind_of(const YamlNode& node);
/// 'text', cut when it is long.
std::string quote(std::string_view text);

}  // namespace weir::config
