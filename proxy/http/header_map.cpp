// SPDX-License-Identifier: Apache-2.0
#include "proxy/http/header_map.hpp"

#include <algorithm>
#include <memory>

namespace weir::http {

void HeaderMap::grow() {
  const std::uint32_t capacity = std::max<std::uint32_t>(24, capacity_ * 2);
  auto* const fields = static_cast<HeaderField*>(
      arena_->allocate(capacity * sizeof(HeaderField), alignof(HeaderField)));
  std::uninitialized_copy_n(fields_, size_, fields);
  fields_ = fields;
  capacity_ = capacity;
}

void HeaderMap::join(const HeaderField& field) {
  std::string_view& value = fields_[first_[static_cast<std::size_t>(field.id)] - 1].value;
  value = arena_->join(value, ",", field.value);
}

void HeaderMap::remove_after(std::size_t at, HeaderId id) noexcept {
  for (std::size_t i = at; i < size_; ++i)
    if (fields_[i].id == id) remove_at(i);
}

void HeaderMap::set(std::string_view name, std::string_view value) {
  if (const HeaderId id = header_id(name); id != HeaderId::none) {
    set(id, value);
    return;
  }
  if (name.empty()) return;  // the mark of what was removed
  bool found = false;
  for (std::size_t i = 0; i < size_; ++i) {
    if (fields_[i].name != name) continue;
    if (found)
      remove_at(i);
    else
      fields_[i].value = arena_->copy(value);
    found = true;
  }
  if (!found) add(name, value);
}

const HeaderField* HeaderMap::find(std::string_view name) const noexcept {
  if (const HeaderId id = header_id(name); id != HeaderId::none) return find(id);
  for (std::size_t i = 0; i < size_; ++i)
    if (fields_[i].name == name && !name.empty()) return &fields_[i];
  return nullptr;
}

std::string_view HeaderMap::joined(std::string_view name) const {
  const HeaderField* const first = find(name);
  if (first == nullptr) return {};
  const auto same = [&](const HeaderField& field) {
    return first->id != HeaderId::none ? field.id == first->id : field.name == name;
  };
  const HeaderField* const end = fields_ + size_;
  const HeaderField* second = std::find_if(first + 1, end, same);
  if (second == end) return first->value;
  std::size_t size = first->value.size();
  for (const HeaderField* at = second; at != end; ++at)
    if (same(*at)) size += 1 + at->value.size();
  auto* const all = static_cast<char*>(arena_->allocate(size, 1));
  char* to = std::copy(first->value.begin(), first->value.end(), all);
  for (const HeaderField* at = second; at != end; ++at) {
    if (!same(*at)) continue;
    *to++ = ',';
    to = std::copy(at->value.begin(), at->value.end(), to);
  }
  return {all, size};
}

std::size_t HeaderMap::count(std::string_view name) const noexcept {
  if (name.empty()) return 0;
  return static_cast<std::size_t>(std::count_if(
      fields_, fields_ + size_, [&](const HeaderField& field) { return field.name == name; }));
}

void HeaderMap::remove_at(std::size_t at) noexcept {
  if (fields_[at].removed()) return;
  const HeaderId id = fields_[at].id;
  fields_[at] = HeaderField{};
  ++removed_;
  if (id != HeaderId::none && first_[static_cast<std::size_t>(id)] == at + 1) find_first_again(id);
}

void HeaderMap::find_first_again(HeaderId id) noexcept {
  std::uint32_t& first = first_[static_cast<std::size_t>(id)];
  const std::size_t from = first;
  first = 0;
  for (std::size_t i = from; i < size_ && first == 0; ++i)
    if (fields_[i].id == id) first = static_cast<std::uint32_t>(i + 1);
  if (first == 0) present_.remove(id);
}

bool HeaderMap::remove_known(HeaderId id) noexcept {
  const std::uint32_t first = first_[static_cast<std::size_t>(id)];
  present_.remove(id);
  first_[static_cast<std::size_t>(id)] = 0;
  for (std::size_t i = first - 1u; i < size_; ++i) {
    if (fields_[i].id != id) continue;
    fields_[i] = HeaderField{};
    ++removed_;
    if (!repeated_.has(id)) break;
  }
  return true;
}

bool HeaderMap::remove(std::string_view name) noexcept {
  if (const HeaderId id = header_id(name); id != HeaderId::none) return remove(id);
  bool found = false;
  for (std::size_t i = 0; i < size_; ++i) {
    if (fields_[i].name != name || name.empty()) continue;
    fields_[i] = HeaderField{};
    ++removed_;
    found = true;
  }
  return found;
}

void HeaderMap::clear() noexcept {
  size_ = 0;
  removed_ = 0;
  first_.fill(0);
  present_.clear();
  repeated_.clear();
}

void HeaderMap::rebase(const char* begin, const char* end, const char* copy) noexcept {
  for (std::size_t i = 0; i < size_; ++i) {
    std::string_view& value = fields_[i].value;
    const auto at = reinterpret_cast<std::uintptr_t>(value.data());
    if (at < reinterpret_cast<std::uintptr_t>(begin) || at >= reinterpret_cast<std::uintptr_t>(end))
      continue;
    value = {copy + (value.data() - begin), value.size()};
  }
}

std::size_t HeaderMap::bytes() const noexcept {
  std::size_t sum = 0;
  for (const HeaderField& field : fields()) sum += field.name.size() + field.value.size();
  return sum;
}

}  // namespace weir::http
