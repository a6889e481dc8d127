// SPDX-License-Identifier: Apache-2.0
// JSON out: string escaping, and a writer that puts the commas and the indentation.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

namespace weir {

/// Appends the inside of a JSON string (RFC 8259 §7). Bytes that are not UTF-8 become U+FFFD, so
/// that the result is always valid JSON whatever a peer sent.
void append_escaped_json(std::string_view value, std::string& out);

/// Appends the shortest text that gives the same number back; "null" for what JSON has no number
/// for.
void append_json_number(double number, std::string& out);

/// Writes one JSON document, indented by one space a level. Calls nest as the document does;
/// asserts that they match.
class JsonWriter {
 public:
  JsonWriter& begin_object() { return open('{'); }
  JsonWriter& end_object() { return close('}'); }
  JsonWriter& begin_array() { return open('['); }
  JsonWriter& end_array() { return close(']'); }
  JsonWriter& key(std::string_view name);
  JsonWriter& string(std::string_view value);
  JsonWriter& boolean(bool value) { return scalar(value ? "true" : "false"); }
  template <class Number>
  JsonWriter& number(Number value) {
    static_assert(std::is_integral_v<Number> && !std::is_same_v<Number, bool>);
    return scalar(std::to_string(value));
  }
  JsonWriter& null() { return scalar("null"); }
  /// A number that is text already.
  JsonWriter& number_text(std::string_view text) { return scalar(text); }
  /// The document with a final newline; everything must be closed.
  [[nodiscard]] std::string take();

 private:
  JsonWriter& open(char bracket);
  JsonWriter& close(char bracket);
  JsonWriter& scalar(std::string_view text);
  void before_value();
  void new_line();

  std::string out_;
  unsigned depth_ = 0;
  bool first_ = true;       // nothing written yet inside the innermost bracket
  bool after_key_ = false;  // the next value belongs to a key
};

}  // namespace weir
