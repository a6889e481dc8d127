// SPDX-License-Identifier: Apache-2.0
// ParseContext: where in the configuration a conversion stands, and where it reports to.
#pragma once

#include <string>
#include <string_view>

#include "proxy/config/diagnostics.hpp"
#include "proxy/config/source_map.hpp"

namespace weir::config {

/// A link in the chain from the root to one field, made on the stack while proto messages become
/// narrow types:
///   `check_name(proto.name(), context.field("name"))`.
/// A child borrows its parent and `name`; both must outlive it. Nothing is allocated until
/// something is reported.
class ParseContext {
 public:
  ParseContext(Diagnostics& diagnostics, const SourceMap& sources)
      : diagnostics_(&diagnostics), sources_(&sources) {}

  [[nodiscard]] ParseContext field(std::string_view name) const& {
    return ParseContext(*this, name, -1);
  }
  [[nodiscard]] ParseContext item(std::string_view name, int index) const& {
    return ParseContext(*this, name, index);
  }
  ParseContext field(std::string_view name) const&& = delete;  // the child would outlive its parent
  ParseContext item(std::string_view name, int index) const&& = delete;

  /// "static_resources.listeners[0]"; "" at the root.
  [[nodiscard]] std::string path() const;
  [[nodiscard]] const Diagnostics& diagnostics() const { return *diagnostics_; }
  void error(std::string text) const { report(Severity::error, std::move(text)); }
  void warning(std::string text) const { report(Severity::warning, std::move(text)); }

 private:
  ParseContext(const ParseContext& parent, std::string_view name, int index)
      : diagnostics_(parent.diagnostics_),
        sources_(parent.sources_),
        parent_(&parent),
        name_(name),
        index_(index) {}
  void report(Severity severity, std::string text) const;

  Diagnostics* diagnostics_;
  const SourceMap* sources_;
  const ParseContext* parent_ = nullptr;
  std::string_view name_;
  int index_ = -1;  // -1 = not an item of a repeated field
};

}  // namespace weir::config
