// SPDX-License-Identifier: Apache-2.0
#include "proxy/config/diagnostics.hpp"

namespace weir::config {

std::string Place::to_string() const {
  std::string text = file;
  if (line <= 0) return text;
  if (!text.empty()) text += ':';
  text += std::to_string(line);
  if (column > 0) text += ':' + std::to_string(column);
  return text;
}

std::string Diagnostic::to_string() const {
  std::string line = place.to_string();
  if (!line.empty()) line += ": ";
  if (!path.empty()) line += path + ": ";
  return line + text;
}

bool Diagnostics::keeps(Severity severity) const noexcept {
  return severity == Severity::error ? error_count_ < kMostErrors : warning_count_ < kMostWarnings;
}

void Diagnostics::count(Severity severity) {
  ++(severity == Severity::error ? error_count_ : warning_count_);
}

void Diagnostics::add(Diagnostic diagnostic) {
  const Severity severity = diagnostic.severity;
  if (keeps(severity)) kept_.push_back(std::move(diagnostic));
  count(severity);
}

std::string Diagnostics::to_string(Severity severity) const {
  std::string text;
  std::size_t shown = 0;
  for (const Diagnostic& diagnostic : kept_) {
    if (diagnostic.severity != severity) continue;
    if (shown++ != 0) text += '\n';
    text += diagnostic.to_string();
  }
  const bool errors = severity == Severity::error;
  const std::size_t total = errors ? error_count_ : warning_count_;
  if (total > shown)
    text +=
        "\n... and " + std::to_string(total - shown) + (errors ? " more errors" : " more warnings");
  return text;
}

Error refusal(const Diagnostics& diagnostics) {
  const std::size_t errors = diagnostics.error_count();
  return {"configuration refused: " + std::to_string(errors) +
          (errors == 1 ? " error" : " errors")};
}

}  // namespace weir::config
