// SPDX-License-Identifier: Apache-2.0
// HeaderMap beside a plain list of fields: the same steps for both, and what differs afterwards.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/http/header_map.hpp"

namespace weir::http {

class HeaderModelPair {
 public:
  /// One change, chosen by three numbers.
  void step(std::uint32_t what, std::uint32_t which, std::uint32_t value) {
    const std::string name(kNames[which % std::size(kNames)]);
    const std::string text(value % 7, static_cast<char>('a' + value % 26));
    const HeaderId id = header_id(name);
    const bool by_id = id != HeaderId::none && (value & 0x100) != 0;
    switch (what % 16) {
      case 0:
        map_.clear();
        list_.clear();
        break;
      case 1:
      case 2:
      case 3:
        by_id ? map_.set(id, text) : map_.set(name, text);
        set(name, text);
        break;
      case 4:
      case 5: {
        const bool was = count(name) > 0;
        wrong_ |= (by_id ? map_.remove(id) : map_.remove(name)) != was;
        std::erase_if(list_, [&](const Field& field) { return field.first == name; });
        break;
      }
      case 6:
      case 7:
        remove_nth(which);
        break;
      default:
        by_id ? map_.add(id, text) : map_.add(name, text);
        add(name, text);
        break;
    }
  }

  /// What the two do not agree about; "" when they do.
  std::string difference() {
    if (wrong_) return "remove() answers something else";
    std::vector<Field> there;
    std::size_t bytes = 0;
    for (const HeaderField& field : map_.fields()) {
      if (field.removed()) continue;
      there.emplace_back(field.name, field.value);
      bytes += field.name.size() + field.value.size();
      if (field.id != header_id(field.name)) return "id of " + std::string(field.name);
    }
    if (there != list_) return "the fields";
    if (map_.size() != list_.size() || map_.empty() != list_.empty()) return "the size";
    if (map_.bytes() != bytes) return "the bytes";
    for (const std::string_view name : kNames)
      if (const std::string what = difference_of(name); !what.empty()) return what;
    return {};
  }

 private:
  using Field = std::pair<std::string, std::string>;
  static constexpr std::string_view kNames[] = {
      "x-a",    "x-b",   "x-ab",           "host",         "via",
      "cookie", ":path", "content-length", "grpc-timeout", "x-envoy-internal"};

  std::string difference_of(std::string_view name) {
    std::string joined;
    const Field* first = nullptr;
    for (const Field& field : list_) {
      if (field.first != name) continue;
      if (first != nullptr) joined += ",";
      joined += field.second;
      if (first == nullptr) first = &field;
    }
    const std::string about = " of " + std::string(name);
    const HeaderField* const found = map_.find(name);
    if ((found == nullptr) != (first == nullptr)) return "find" + about;
    if (found != nullptr && found->value != first->second) return "first" + about;
    if (map_.get(name) != (first == nullptr ? "" : first->second)) return "get" + about;
    if (map_.count(name) != count(name)) return "count" + about;
    if (map_.joined(name) != joined) return "joined" + about;
    const HeaderId id = header_id(name);
    if (id == HeaderId::none) return {};
    const HeaderId one[] = {id};
    if (map_.has(id) != (first != nullptr) || map_.find(id) != found) return "has" + about;
    if (map_.has_any(HeaderSet(one)) != (first != nullptr)) return "has_any" + about;
    return {};
  }
  [[nodiscard]] std::size_t count(std::string_view name) const {
    return static_cast<std::size_t>(std::count_if(
        list_.begin(), list_.end(), [&](const Field& field) { return field.first == name; }));
  }
  /// A name that is_single() and is there already gets the text behind its own.
  void add(const std::string& name, const std::string& text) {
    const auto first = std::find_if(list_.begin(), list_.end(),
                                    [&](const Field& field) { return field.first == name; });
    if (first != list_.end() && is_single(header_id(name)))
      first->second += "," + text;
    else
      list_.emplace_back(name, text);
  }
  void set(const std::string& name, const std::string& text) {
    bool found = false;
    std::vector<Field> kept;
    for (const Field& field : list_) {
      if (field.first != name)
        kept.push_back(field);
      else if (!std::exchange(found, true))
        kept.emplace_back(name, text);
    }
    if (!found) kept.emplace_back(name, text);
    list_ = kept;
  }
  /// By its place among all fields, those that have gone too.
  void remove_nth(std::size_t which) {
    const auto fields = map_.fields();
    if (fields.empty()) return;
    const std::size_t at = which % fields.size();
    if (!fields[at].removed()) {
      const auto before =
          std::count_if(fields.begin(), fields.begin() + static_cast<std::ptrdiff_t>(at),
                        [](const HeaderField& field) { return !field.removed(); });
      list_.erase(list_.begin() + before);
    }
    map_.remove_at(at);
  }

  ArenaPool pool_;
  Arena arena_{pool_};
  HeaderMap map_{arena_};
  std::vector<Field> list_;
  bool wrong_ = false;
};

}  // namespace weir::http
