// SPDX-License-Identifier: Apache-2.0
// HeaderMap: the headers (or trailers) of one message, in order, with the pseudo-headers among
// them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "proxy/http/arena.hpp"
#include "proxy/http/header_id.hpp"

namespace weir::http {

/// One line. `name` is lower case. A removed field has an empty name: skip it.
struct HeaderField {
  std::string_view name;
  std::string_view value;
  HeaderId id = HeaderId::none;
  [[nodiscard]] bool removed() const noexcept { return name.empty(); }
};

/// Names and values live in the arena of the stream, or for ever. Known names are found without a
/// search. Single thread; the arena outlives the map.
class HeaderMap {
 public:
  explicit HeaderMap(Arena& arena) noexcept : arena_(&arena) {}
  HeaderMap(const HeaderMap&) = delete;
  HeaderMap& operator=(const HeaderMap&) = delete;

  // What is appended or set is copied into the arena, names in lower case already.
  void add(std::string_view name, std::string_view value) {
    const HeaderId id = header_id(name);
    append({id == HeaderId::none ? arena_->copy(name) : header_name(id), arena_->copy(value), id});
  }
  void add(HeaderId id, std::string_view value) {
    append({header_name(id), arena_->copy(value), id});
  }
  /// `value` lives as long as the arena, or for ever: it is not copied.
  void add_static(HeaderId id, std::string_view value) { append({header_name(id), value, id}); }
  /// A field whose texts live as long as the arena; `field.id` is right. One that is_single() and
  /// is there already gets the value behind its own.
  void append(const HeaderField& field) {
    if (first_[static_cast<std::size_t>(field.id)] != 0 && is_single(field.id)) {
      join(field);
      return;
    }
    if (size_ == capacity_) grow();
    new (fields_ + size_) HeaderField(field);
    const std::size_t at = size_++;
    if (field.id != HeaderId::none) index(field.id, at);
  }

  /// Replaces the first value where it stands and removes the others; adds it at the end when there
  /// is none.
  void set(HeaderId id, std::string_view value) { set_static(id, arena_->copy(value)); }
  void set_static(HeaderId id, std::string_view value) {
    const std::uint32_t first = first_[static_cast<std::size_t>(id)];
    if (first == 0) {
      add_static(id, value);
      return;
    }
    fields_[first - 1].value = value;
    if (repeated_.has(id)) remove_after(first, id);
  }
  void set(std::string_view name, std::string_view value);

  /// The first field of that name, or nullptr.
  [[nodiscard]] const HeaderField* find(HeaderId id) const noexcept {
    const std::uint32_t at = first_[static_cast<std::size_t>(id)];
    return at == 0 ? nullptr : &fields_[at - 1];
  }
  [[nodiscard]] const HeaderField* find(std::string_view name) const noexcept;
  [[nodiscard]] bool has(HeaderId id) const noexcept {
    return first_[static_cast<std::size_t>(id)] != 0;
  }
  /// The first value; "" when there is none.
  [[nodiscard]] std::string_view get(HeaderId id) const noexcept {
    const HeaderField* field = find(id);
    return field == nullptr ? std::string_view() : field->value;
  }
  [[nodiscard]] std::string_view get(std::string_view name) const noexcept {
    const HeaderField* field = find(name);
    return field == nullptr ? std::string_view() : field->value;
  }
  /// One of `set` is there.
  [[nodiscard]] bool has_any(const HeaderSet& set) const noexcept { return present_.meets(set); }
  /// All values of a name joined by ','; borrows the first one when it is the only one.
  [[nodiscard]] std::string_view joined(std::string_view name) const;
  [[nodiscard]] std::size_t count(std::string_view name) const noexcept;

  // Removes every field of that name. @return whether there was one
  bool remove(HeaderId id) noexcept { return has(id) && remove_known(id); }
  bool remove(std::string_view name) noexcept;
  /// Removes one field, by its place in fields(). Nothing when it has gone already.
  void remove_at(std::size_t index) noexcept;
  void clear() noexcept;
  /// Values within [begin, end) are from now on at the same distance from `copy`.
  void rebase(const char* begin, const char* end, const char* copy) noexcept;

  /// In order; skip those that are removed(). Invalid after the next change.
  [[nodiscard]] std::span<const HeaderField> fields() const noexcept { return {fields_, size_}; }
  /// Fields that are there.
  [[nodiscard]] std::size_t size() const noexcept { return size_ - removed_; }
  [[nodiscard]] bool empty() const noexcept { return size() == 0; }
  /// Names and values, without separators: what limits count.
  [[nodiscard]] std::size_t bytes() const noexcept;
  [[nodiscard]] Arena& arena() const noexcept { return *arena_; }

 private:
  void grow();
  void join(const HeaderField& field);
  void index(HeaderId id, std::size_t at) noexcept {
    std::uint32_t& first = first_[static_cast<std::size_t>(id)];
    if (first != 0) {
      repeated_.add(id);
      return;
    }
    first = static_cast<std::uint32_t>(at + 1);
    present_.add(id);
  }
  bool remove_known(HeaderId id) noexcept;
  void remove_after(std::size_t at, HeaderId id) noexcept;
  void find_first_again(HeaderId id) noexcept;

  Arena* arena_;
  HeaderField* fields_ = nullptr;
  std::uint32_t size_ = 0;
  std::uint32_t capacity_ = 0;
  std::uint32_t removed_ = 0;
  HeaderSet present_;
  HeaderSet repeated_;                             // those that came more than once, at some time
  std::array<std::uint32_t, kHeaderIds> first_{};  // index + 1; 0 = none; slot `none` is not used
};

}  // namespace weir::http
