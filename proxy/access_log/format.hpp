// SPDX-License-Identifier: Apache-2.0
// Format: a compiled access-log format, text or JSON, in Envoy's command operators.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.hpp"
#include "proxy/access_log/operators.hpp"
#include "proxy/access_log/record.hpp"

namespace weir::access_log {

struct JsonMember;

/// A JSON format as configured, in order.
struct JsonTemplate {
  enum class Kind : std::uint8_t {
    text,     // `text` may contain operators
    literal,  // `text` is JSON that is copied: a number, true, false or null
    object,   // `members`
    list,     // `members`, names unused
  };
  Kind kind = Kind::object;
  std::string text;
  std::vector<JsonMember> members;
};

struct JsonMember {
  std::string name;
  JsonTemplate value;
};

/// How operators become JSON values.
enum class JsonValues : std::uint8_t {
  as_strings,  // FileAccessLog.json_format: everything is a string, "-" when unset
  typed,  // typed_json_format, log_format.json_format: a lone operator keeps its type, null when
          // unset
};

/// Immutable; any thread may render.
class Format {
 public:
  /// `format` is copied but for operators: %NAME%, %NAME(parameters)%, %NAME(…):LENGTH%, %% for a
  /// percent sign. No newline is added. Error names the operator and its 1-based position.
  static Result<Format> text(std::string_view format);
  /// One line of JSON with a newline at its end. Error names the members that lead to the place as
  /// well.
  static Result<Format> json(const JsonTemplate& object, JsonValues values);
  /// Text that is not for a log, where nothing is escaped: the body of an answer ("-" when unset),
  /// or the value of a header ("" when unset, and never a control character).
  static Result<Format> body(std::string_view format);
  static Result<Format> header(std::string_view format);
  /// Envoy's format for logs that configure none.
  static Format standard();

  /// Appends one record. In logs, what a peer may have chosen cannot break the line: in text,
  /// control characters, quotes, backslashes and bytes past 0x7e appear as \xNN; in JSON strings
  /// they are escaped, and what is not UTF-8 becomes U+FFFD.
  void render(const Record& record, std::string& out) const;

 private:
  struct Piece {
    std::string literal;  // copied first
    Operator op;          // then its value, unless Op::none
    Rendering rendering = Rendering::text;
  };
  Result<void> add_text(std::string_view format, Rendering rendering);
  Result<void> add_json(const JsonTemplate& node, JsonValues values);
  Result<void> add_json_text(std::string_view format, JsonValues values);
  void add_literal(std::string_view text);

  std::vector<Piece> pieces_;
};

}  // namespace weir::access_log
