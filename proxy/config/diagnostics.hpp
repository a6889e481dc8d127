// SPDX-License-Identifier: Apache-2.0
// Diagnostics: everything that configuration has to say to its author, each with its place.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.hpp"

namespace weir::config {

/// Where a value was written. Line and column count from 1; 0 = unknown.
struct Place {
  std::string file;
  int line = 0;
  int column = 0;

  /// "file:line:column", as much of it as is known.
  [[nodiscard]] std::string to_string() const;
  bool operator==(const Place&) const = default;
};

enum class Severity : std::uint8_t { warning, error };

struct Diagnostic {
  Severity severity = Severity::error;
  Place place;
  std::string path;  // "static_resources.listeners[0].name"; "" = the whole document
  std::string text;  // lower case, no newline

  /// "file:line:column: path: text".
  [[nodiscard]] std::string to_string() const;
  bool operator==(const Diagnostic&) const = default;
};

/// Collects diagnostics while one configuration is read. Main thread only.
/// Keeps the first kMostErrors errors and kMostWarnings warnings and counts the rest.
class Diagnostics {
 public:
  static constexpr std::size_t kMostErrors = 20;
  static constexpr std::size_t kMostWarnings = 100;

  void add(Diagnostic diagnostic);
  /// Counts one that is not kept anyway; see keeps().
  void count(Severity severity);
  /// False when another of `severity` would only be counted: no need to find its place.
  [[nodiscard]] bool keeps(Severity severity) const noexcept;

  [[nodiscard]] bool has_errors() const noexcept { return error_count_ != 0; }
  [[nodiscard]] std::size_t error_count() const noexcept { return error_count_; }
  [[nodiscard]] std::size_t warning_count() const noexcept { return warning_count_; }
  /// In the order of discovery, errors and warnings mixed.
  [[nodiscard]] const std::vector<Diagnostic>& all() const noexcept { return kept_; }
  /// One line each; a last line counts what was not kept. `severity` chooses which.
  [[nodiscard]] std::string to_string(Severity severity) const;

 private:
  std::vector<Diagnostic> kept_;
  std::size_t error_count_ = 0;
  std::size_t warning_count_ = 0;
};

/// "configuration refused: 2 errors": what a caller gets besides the diagnostics themselves.
Error refusal(const Diagnostics& diagnostics);

}  // namespace weir::config
