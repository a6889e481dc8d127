// SPDX-License-Identifier: Apache-2.0
// ObjectReader: the fields of one YAML object by name, with a report of what is wrong and of what
// nobody read.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "control/registry.hpp"
#include "proxy/config/diagnostics.hpp"
#include "proxy/config/yaml_document.hpp"

namespace weir::control {

/// A document, and who hears about it. Both outlive every reader.
struct ReadContext {
  const config::YamlDocument& document;
  config::Diagnostics& diagnostics;

  [[nodiscard]] config::Place place_of(const config::YamlNode& node) const {
    return {document.file, node.line, node.column};
  }
};

/// Reads fields once each. Whoever is done calls finish(), which warns of fields without a reader.
/// A field that is missing, or wrong (which is reported), reads as its empty value.
class ObjectReader {
 public:
  /// @param path of the object in its document, "" = the root. Anything but an object is an error.
  ObjectReader(const ReadContext& context, const config::YamlNode& node, std::string path);

  [[nodiscard]] bool has(std::string_view name) const { return peek(name) != nullptr; }
  std::string text(std::string_view name);
  bool boolean(std::string_view name);
  std::optional<std::uint32_t> number(std::string_view name, std::uint32_t most = UINT32_MAX);
  std::uint16_t port(std::string_view name);  // 1-65535; 0 = not given
  /// A decimal number from 0 to 100.
  std::optional<double> percent(std::string_view name);
  /// "1h30m", "1.5s", "200ms": a sum of decimal numbers with units.
  std::optional<Duration> duration(std::string_view name);
  std::vector<std::string> texts(std::string_view name);
  std::vector<std::pair<std::string, std::string>> text_map(std::string_view name);
  /// Calls back with the object under the name, if there is one.
  void object(std::string_view name, const std::function<void(ObjectReader&)>& read);
  void objects(std::string_view name, const std::function<void(ObjectReader&)>& read);
  /// Each entry of an object of objects.
  void entries(std::string_view name,
               const std::function<void(const std::string& key, ObjectReader&)>& read);
  /// The names of all fields, for objects whose keys the author chose.
  [[nodiscard]] std::vector<std::string> names() const;
  /// Fields that are known to have no effect, and need no word.
  void ignore(std::initializer_list<std::string_view> names);

  void error(std::string_view name, std::string text);
  void warning(std::string_view name, std::string text);
  void finish();
  [[nodiscard]] config::Place place() const { return context_.place_of(node_); }
  [[nodiscard]] const ReadContext& context() const { return context_; }

 private:
  [[nodiscard]] const config::YamlNode* peek(std::string_view name) const;
  const config::YamlNode* take(std::string_view name);
  const std::string* scalar(std::string_view name);
  void report(config::Severity severity, const config::YamlNode& at, std::string_view name,
              std::string text);
  [[nodiscard]] std::string path_of(std::string_view name) const;
  void read_child(const config::YamlNode& node, std::string path,
                  const std::function<void(ObjectReader&)>& read);

  const ReadContext& context_;
  const config::YamlNode& node_;
  std::string path_;
  std::set<std::string, std::less<>> taken_;
};

/// nullopt = not a sum of decimal numbers with units (h, m, s, ms, us, ns), or not below 10,000 h.
std::optional<Duration> parse_duration_sum(std::string_view text);

}  // namespace weir::control
