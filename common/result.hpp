// SPDX-License-Identifier: Apache-2.0
// Result<T>: a value or an Error, the return type of everything that can fail in an expected way.
#pragma once

#include <cassert>
#include <string>
#include <utility>
#include <variant>

namespace weir {

/// Why something expected went wrong. `message` reads `what 'input': reason[; remedy]`, lower case,
/// no newline. `code` is an errno value, or 0 when the kernel was not involved.
struct Error {
  std::string message;
  int code = 0;

  /// Puts the outer operation in front: "listener 'x'" + "bind: in use" → "listener 'x': bind: in
  /// use".
  [[nodiscard]] Error with_context(std::string_view what) const {
    return Error{std::string(what) + ": " + message, code};
  }
  bool operator==(const Error&) const = default;
};

/// A T or an Error. Spelled like std::expected so that the tree can move to it (GCC 12 in C++20
/// mode has none).
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  explicit operator bool() const noexcept { return state_.index() == 0; }
  [[nodiscard]] bool has_value() const noexcept { return state_.index() == 0; }
  T& operator*() & noexcept { return *std::get_if<0>(&state_); }
  const T& operator*() const& noexcept { return *std::get_if<0>(&state_); }
  T&& operator*() && noexcept { return std::move(*std::get_if<0>(&state_)); }
  T* operator->() noexcept { return std::get_if<0>(&state_); }
  const T* operator->() const noexcept { return std::get_if<0>(&state_); }
  [[nodiscard]] Error& error() noexcept {
    assert(!has_value());
    return *std::get_if<1>(&state_);
  }
  [[nodiscard]] const Error& error() const noexcept {
    assert(!has_value());
    return *std::get_if<1>(&state_);
  }

 private:
  std::variant<T, Error> state_;
};

/// Success without a value, or an Error.
template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)), failed_(true) {}

  explicit operator bool() const noexcept { return !failed_; }
  [[nodiscard]] bool has_value() const noexcept { return !failed_; }
  [[nodiscard]] Error& error() noexcept { return error_; }
  [[nodiscard]] const Error& error() const noexcept { return error_; }

 private:
  Error error_;
  bool failed_ = false;
};

}  // namespace weir

#define WEIR_CONCAT_INNER(a, b) a##b
#define WEIR_CONCAT(a, b) WEIR_CONCAT_INNER(a, b)
/// `TRY(auto x, f());` binds the value or returns the error from the enclosing function. One per
/// line.
#define TRY(lhs, expr)                                            \
  auto WEIR_CONCAT(try_result_, __LINE__) = (expr);               \
  if (!WEIR_CONCAT(try_result_, __LINE__))                        \
    return std::move(WEIR_CONCAT(try_result_, __LINE__).error()); \
  lhs = *std::move(WEIR_CONCAT(try_result_, __LINE__))
/// `TRY_VOID(f());` for Result<void>.
#define TRY_VOID(expr)                                                                       \
  if (auto WEIR_CONCAT(try_result_, __LINE__) = (expr); !WEIR_CONCAT(try_result_, __LINE__)) \
  return std::move(WEIR_CONCAT(try_result_, __LINE__).error())
