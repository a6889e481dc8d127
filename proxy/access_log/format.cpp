// SPDX-License-Identifier: Apache-2.0
#include "proxy/access_log/format.hpp"

#include <cassert>

#include "common/json_writer.hpp"
#include "proxy/access_log/escape.hpp"

namespace weir::access_log {
namespace {

constexpr std::string_view kStandardFormat =
    "[%START_TIME%] \"%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%\" "
    "%RESPONSE_CODE% "
    "%RESPONSE_FLAGS% %BYTES_RECEIVED% %BYTES_SENT% %DURATION% "
    "%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "
    "\"%REQ(X-FORWARDED-FOR)%\" \"%REQ(USER-AGENT)%\" \"%REQ(X-REQUEST-ID)%\" "
    "\"%REQ(:AUTHORITY)%\" "
    "\"%UPSTREAM_HOST%\"\n";

/// True when the whole text is one operator, whose value may then keep its JSON type.
bool is_lone_operator(std::string_view format) {
  std::size_t length = 0;
  return !format.empty() && format.front() == '%' && !format.starts_with("%%") &&
         parse_operator(format, length) && length == format.size();
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  append_escaped_json(text, out);
  return out + '"';
}

}  // namespace

Result<Format> Format::text(std::string_view format) {
  Format result;
  if (const auto ok = result.add_text(format, Rendering::text); !ok) return ok.error();
  return result;
}

Result<Format> Format::json(const JsonTemplate& object, JsonValues values) {
  Format result;
  if (const auto ok = result.add_json(object, values); !ok) return ok.error();
  result.add_literal("\n");
  return result;
}

Result<Format> Format::body(std::string_view format) {
  Format result;
  if (const auto ok = result.add_text(format, Rendering::body); !ok) return ok.error();
  return result;
}

Result<Format> Format::header(std::string_view format) {
  Format result;
  if (const auto ok = result.add_text(format, Rendering::header); !ok) return ok.error();
  return result;
}

Format Format::standard() {
  auto format = text(kStandardFormat);
  assert(format.has_value());
  return std::move(*format);
}

void Format::add_literal(std::string_view text) {
  if (pieces_.empty() || pieces_.back().op.op != Op::none) pieces_.emplace_back();
  pieces_.back().literal += text;
}

Result<void> Format::add_text(std::string_view format, Rendering rendering) {
  for (std::size_t at = 0; at < format.size();) {
    const std::size_t percent = std::min(format.find('%', at), format.size());
    const std::string_view literal = format.substr(at, percent - at);
    if (rendering == Rendering::json_inside || rendering == Rendering::json_value) {
      std::string escaped;
      append_escaped_json(literal, escaped);
      add_literal(escaped);
    } else {
      add_literal(literal);
    }
    if (percent == format.size()) break;
    if (format.substr(percent).starts_with("%%")) {
      add_literal("%");
      at = percent + 2;
      continue;
    }
    std::size_t length = 0;
    auto op = parse_operator(format.substr(percent), length);
    if (!op)
      return op.error().with_context("access log format: position " + std::to_string(percent + 1));
    add_literal("");
    pieces_.back().op = std::move(*op);
    pieces_.back().rendering = rendering;
    at = percent + length;
  }
  return {};
}

Result<void> Format::add_json_text(std::string_view format, JsonValues values) {
  if (values == JsonValues::typed && is_lone_operator(format))
    return add_text(format, Rendering::json_value);
  add_literal("\"");
  if (auto ok = add_text(format, Rendering::json_inside); !ok) return ok;
  add_literal("\"");
  return {};
}

Result<void> Format::add_json(const JsonTemplate& node, JsonValues values) {
  if (node.kind == JsonTemplate::Kind::text) return add_json_text(node.text, values);
  if (node.kind == JsonTemplate::Kind::literal) {
    add_literal(node.text);
    return {};
  }
  const bool is_object = node.kind == JsonTemplate::Kind::object;
  add_literal(is_object ? "{" : "[");
  bool first = true;
  for (const auto& [name, member] : node.members) {
    if (!first) add_literal(",");
    first = false;
    if (is_object) add_literal(quoted(name) + ":");
    if (auto ok = add_json(member, values); !ok)
      return is_object ? ok.error().with_context("json member '" + name + "'") : ok;
  }
  add_literal(is_object ? "}" : "]");
  return {};
}

void Format::render(const Record& record, std::string& out) const {
  for (const Piece& piece : pieces_) {
    out += piece.literal;
    if (piece.op.op != Op::none) render_operator(piece.op, record, piece.rendering, out);
  }
}

}  // namespace weir::access_log
