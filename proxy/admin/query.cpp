// SPDX-License-Identifier: Apache-2.0
#include "proxy/admin/query.hpp"

namespace weir::admin {
namespace {

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string decode_percent(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const int high = text[i] == '%' && i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
    const int low = high >= 0 ? hex_value(text[i + 2]) : -1;
    if (low < 0) {
      out += text[i];
      continue;
    }
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

/// Cuts `text` at the first `separator`; @return what was before it.
std::string_view take_until(std::string_view& text, char separator) {
  const std::size_t at = text.find(separator);
  const std::string_view head = text.substr(0, at);
  text = at == std::string_view::npos ? std::string_view() : text.substr(at + 1);
  return head;
}

}  // namespace

std::optional<std::string_view> QueryParams::find(std::string_view name) const {
  for (const auto& [key, value] : params_)
    if (key == name) return value;
  return std::nullopt;
}

Target parse_target(std::string_view text) {
  text = text.substr(0, text.find('#'));
  Target target;
  target.path = decode_percent(take_until(text, '?'));
  while (!text.empty()) {
    std::string_view value = take_until(text, '&');
    const std::string_view key = take_until(value, '=');
    if (!key.empty())
      target.params.params_.emplace_back(decode_percent(key), decode_percent(value));
  }
  return target;
}

}  // namespace weir::admin
