// SPDX-License-Identifier: Apache-2.0
// Reading one expression of a rule, as the kernel gave it back.
#pragma once

#include <libnftnl/expr.h>

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace weir::init {

/// Borrowed from the rule that it is part of.
class ExpressionView {
 public:
  explicit ExpressionView(const nftnl_expr* expression) : expression_(expression) {}

  [[nodiscard]] std::string_view name() const {
    return nftnl_expr_get_str(expression_, NFTNL_EXPR_NAME);
  }
  [[nodiscard]] bool is(std::string_view wanted) const { return name() == wanted; }
  [[nodiscard]] bool has(std::uint16_t attribute) const {
    return nftnl_expr_is_set(expression_, attribute);
  }
  [[nodiscard]] std::uint32_t number(std::uint16_t attribute) const {
    return nftnl_expr_get_u32(expression_, attribute);
  }
  [[nodiscard]] std::uint8_t byte(std::uint16_t attribute) const {
    return nftnl_expr_get_u8(expression_, attribute);
  }
  [[nodiscard]] std::uint64_t count(std::uint16_t attribute) const {
    return nftnl_expr_get_u64(expression_, attribute);
  }
  [[nodiscard]] std::string text(std::uint16_t attribute) const {
    const char* value = nftnl_expr_get_str(expression_, attribute);
    return value == nullptr ? "" : value;
  }
  /// Has this attribute with exactly this value.
  [[nodiscard]] bool says(std::uint16_t attribute, std::uint32_t value) const {
    return has(attribute) && number(attribute) == value;
  }
  /// The bytes of a data attribute, or nothing when there are not exactly `size`.
  [[nodiscard]] const std::uint8_t* data(std::uint16_t attribute, std::size_t size) const {
    std::uint32_t length = 0;
    const void* value = nftnl_expr_get(expression_, attribute, &length);
    return length == size ? static_cast<const std::uint8_t*>(value) : nullptr;
  }
  /// A data attribute that is one number in host order.
  template <class Number>
  [[nodiscard]] std::optional<Number> value(std::uint16_t attribute) const {
    const std::uint8_t* bytes = data(attribute, sizeof(Number));
    if (bytes == nullptr) return std::nullopt;
    Number value{};
    std::memcpy(&value, bytes, sizeof value);
    return value;
  }
  /// For a person.
  [[nodiscard]] std::string describe() const {
    char text[256];
    const int length = nftnl_expr_snprintf(text, sizeof text, expression_, NFTNL_OUTPUT_DEFAULT, 0);
    return std::string(name()) + (length > 0 ? " " + std::string(text) : "");
  }

 private:
  const nftnl_expr* expression_;
};

}  // namespace weir::init
