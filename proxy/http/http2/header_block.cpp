// SPDX-License-Identifier: Apache-2.0
#include "proxy/http/http2/header_block.hpp"

#include <algorithm>
#include <cstring>

namespace weir::http {
namespace {

constexpr bool is_blank(char c) noexcept { return c == ' ' || c == '\t'; }

/// Envoy accepts blanks around a value, though RFC 9113 §8.2.1 does not; what we pass on has none.
std::string_view trimmed(std::string_view value) noexcept {
  while (!value.empty() && is_blank(value.front())) value.remove_prefix(1);
  while (!value.empty() && is_blank(value.back())) value.remove_suffix(1);
  return value;
}

}  // namespace

void HeaderBlock::begin(HeaderMap& map) noexcept {
  map.clear();
  map_ = &map;
  bytes_ = 0;
  count_ = 0;
  cookie_ = nullptr;
  cookie_size_ = 0;
  cookie_capacity_ = 0;
  has_cookie_ = false;
}

HeaderBlock::Verdict HeaderBlock::add(std::string_view name, std::string_view value) {
  bytes_ += name.size() + value.size();
  if (bytes_ > limits_.max_bytes) return Verdict::too_large;
  if (++count_ > limits_.max_headers) return Verdict::too_many;
  value = trimmed(value);
  const HeaderId id = header_id(name);
  if (id == HeaderId::cookie) {
    add_cookie(value);
    return Verdict::ok;
  }
  Arena& arena = map_->arena();
  if (id != HeaderId::none) {
    map_->append({header_name(id), arena.copy(value), id});
    return Verdict::ok;
  }
  if (limits_.underscores != HttpOptions::Underscores::allow &&
      name.find('_') != std::string_view::npos) {
    return limits_.underscores == HttpOptions::Underscores::reject ? Verdict::underscore
                                                                   : Verdict::ok;
  }
  map_->append({arena.copy(name), arena.copy(value), id});
  return Verdict::ok;
}

void HeaderBlock::add_cookie(std::string_view value) {
  const std::size_t joint = has_cookie_ ? 2 : 0;
  const std::size_t needed = cookie_size_ + joint + value.size();
  if (needed > cookie_capacity_) {
    // The first piece is mostly the only one: room for exactly that. Later ones double.
    cookie_capacity_ = has_cookie_ ? std::max(needed, 2 * cookie_capacity_) : needed;
    auto* const larger = static_cast<char*>(map_->arena().allocate(cookie_capacity_, 1));
    if (cookie_size_ != 0) std::memcpy(larger, cookie_, cookie_size_);
    cookie_ = larger;
  }
  if (joint != 0) std::memcpy(cookie_ + cookie_size_, "; ", joint);
  if (!value.empty()) std::memcpy(cookie_ + cookie_size_ + joint, value.data(), value.size());
  cookie_size_ = needed;
  has_cookie_ = true;
}

bool HeaderBlock::finish(bool request) {
  HeaderMap& map = *map_;
  map_ = nullptr;
  if (has_cookie_) map.add_static(HeaderId::cookie, {cookie_, cookie_size_});
  if (!request) return true;
  if (map.has(HeaderId::host)) {
    if (!map.has(HeaderId::authority)) map.add_static(HeaderId::authority, map.get(HeaderId::host));
    map.remove(HeaderId::host);
  }
  const std::string_view authority = map.get(HeaderId::authority);
  return !authority.empty() && authority.find('@') == std::string_view::npos;
}

}  // namespace weir::http
