// SPDX-License-Identifier: Apache-2.0
#include "proxy/http/http2/header_block.hpp"

#include <algorithm>
#include <cstring>

namespace weir::http {

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
  const HeaderId id = header_id(name);
  if (id == HeaderId::cookie) {
    if (!has_cookie_ && ++count_ > limits_.max_headers) return Verdict::too_many;
    add_cookie(value);
    return Verdict::ok;
  }
  if (++count_ > limits_.max_headers) return Verdict::too_many;
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

void HeaderBlock::finish(bool request) {
  HeaderMap& map = *map_;
  map_ = nullptr;
  if (has_cookie_) map.add_static(HeaderId::cookie, {cookie_, cookie_size_});
  if (!request || !map.has(HeaderId::host)) return;
  if (!map.has(HeaderId::authority)) map.add_static(HeaderId::authority, map.get(HeaderId::host));
  map.remove(HeaderId::host);
}

}  // namespace weir::http
