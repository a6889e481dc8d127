// SPDX-License-Identifier: Apache-2.0
#include "control/object_reader.hpp"

#include <array>
#include <cmath>

#include "proxy/config/scalar_values.hpp"

namespace weir::control {

using config::Severity;
using config::YamlNode;

ObjectReader::ObjectReader(const ReadContext& context, const YamlNode& node, std::string path)
    : context_(context), node_(node), path_(std::move(path)) {
  if (!node.is_object()) report(Severity::error, node, "", "expected an object with fields");
}

const YamlNode* ObjectReader::peek(std::string_view name) const {
  for (const auto& [key, value] : node_.entries)
    if (key->is_scalar() && key->text == name && !value->is_null()) return value;
  return nullptr;
}

const YamlNode* ObjectReader::take(std::string_view name) {
  taken_.emplace(name);
  return peek(name);
}

const std::string* ObjectReader::scalar(std::string_view name) {
  const YamlNode* node = take(name);
  if (node == nullptr) return nullptr;
  if (node->is_scalar()) return &node->text;
  report(Severity::error, *node, name, "expected one value");
  return nullptr;
}

std::string ObjectReader::text(std::string_view name) {
  const std::string* found = scalar(name);
  return found != nullptr ? *found : std::string();
}

bool ObjectReader::boolean(std::string_view name) {
  const std::string* found = scalar(name);
  if (found == nullptr) return false;
  const auto parsed = config::parse_bool(*found, false);
  if (!parsed) error(name, "'" + *found + "' is not true or false");
  return parsed && parsed->value;
}

std::optional<std::uint32_t> ObjectReader::number(std::string_view name, std::uint32_t most) {
  const std::string* found = scalar(name);
  if (found == nullptr) return std::nullopt;
  const auto parsed = config::parse_unsigned(*found, false);
  if (parsed && parsed->value <= most) return static_cast<std::uint32_t>(parsed->value);
  error(name, "'" + *found + "' is not a number from 0 to " + std::to_string(most));
  return std::nullopt;
}

std::uint16_t ObjectReader::port(std::string_view name) {
  const auto found = number(name, 65535);
  if (found && *found == 0) error(name, "port 0: expected 1 to 65535");
  return static_cast<std::uint16_t>(found.value_or(0));
}

std::optional<double> ObjectReader::percent(std::string_view name) {
  const std::string* found = scalar(name);
  if (found == nullptr) return std::nullopt;
  const auto parsed = config::parse_double(*found);
  if (parsed && *parsed >= 0 && *parsed <= 100) return parsed;
  error(name, "'" + *found + "' is not a percentage from 0 to 100");
  return std::nullopt;
}

std::optional<Duration> ObjectReader::duration(std::string_view name) {
  const std::string* found = scalar(name);
  if (found == nullptr) return std::nullopt;
  const auto parsed = parse_duration_sum(*found);
  if (!parsed) error(name, "'" + *found + "' is not a duration; write a number with h, m, s or ms");
  return parsed;
}

std::vector<std::string> ObjectReader::texts(std::string_view name) {
  std::vector<std::string> out;
  const YamlNode* list = take(name);
  if (list == nullptr) return out;
  if (!list->is_list()) report(Severity::error, *list, name, "expected a list");
  for (const YamlNode* item : list->items) {
    if (item->is_scalar())
      out.push_back(item->text);
    else
      report(Severity::error, *item, name, "expected a list of texts");
  }
  return out;
}

std::vector<std::pair<std::string, std::string>> ObjectReader::text_map(std::string_view name) {
  std::vector<std::pair<std::string, std::string>> out;
  const YamlNode* node = take(name);
  if (node == nullptr) return out;
  if (!node->is_object()) report(Severity::error, *node, name, "expected an object of texts");
  for (const auto& [key, value] : node->entries) {
    if (key->is_scalar() && (value->is_scalar() || value->is_null()))
      out.emplace_back(key->text, value->text);
    else
      report(Severity::error, *key, name, "expected an object of texts");
  }
  return out;
}

void ObjectReader::read_child(const YamlNode& node, std::string path,
                              const std::function<void(ObjectReader&)>& read) {
  ObjectReader child(context_, node, std::move(path));
  if (!node.is_object()) return;
  read(child);
  child.finish();
}

void ObjectReader::object(std::string_view name, const std::function<void(ObjectReader&)>& read) {
  if (const YamlNode* node = take(name)) read_child(*node, path_of(name), read);
}

void ObjectReader::objects(std::string_view name, const std::function<void(ObjectReader&)>& read) {
  const YamlNode* list = take(name);
  if (list == nullptr) return;
  if (!list->is_list()) return report(Severity::error, *list, name, "expected a list");
  for (std::size_t i = 0; i < list->items.size(); ++i)
    read_child(*list->items[i], path_of(name) + "[" + std::to_string(i) + "]", read);
}

void ObjectReader::entries(std::string_view name,
                           const std::function<void(const std::string& key, ObjectReader&)>& read) {
  const YamlNode* node = take(name);
  if (node == nullptr) return;
  if (!node->is_object()) return report(Severity::error, *node, name, "expected an object");
  for (const auto& [key, value] : node->entries) {
    const std::string& key_text = key->text;
    read_child(*value, path_of(name) + "." + key_text,
               [&](ObjectReader& child) { read(key_text, child); });
  }
}

std::vector<std::string> ObjectReader::names() const {
  std::vector<std::string> out;
  for (const auto& entry : node_.entries) out.push_back(entry.key->text);
  return out;
}

void ObjectReader::ignore(std::initializer_list<std::string_view> names) {
  taken_.insert(names.begin(), names.end());
}

void ObjectReader::report(Severity severity, const YamlNode& at, std::string_view name,
                          std::string text) {
  context_.diagnostics.add({severity, context_.place_of(at), path_of(name), std::move(text)});
}

void ObjectReader::error(std::string_view name, std::string text) {
  const YamlNode* node = peek(name);
  report(Severity::error, node != nullptr ? *node : node_, name, std::move(text));
}

void ObjectReader::warning(std::string_view name, std::string text) {
  const YamlNode* node = peek(name);
  report(Severity::warning, node != nullptr ? *node : node_, name, std::move(text));
}

void ObjectReader::finish() {
  for (const auto& [key, value] : node_.entries)
    if (!taken_.contains(key->text))
      report(Severity::warning, *key, key->text, "has no effect here: not supported");
}

std::string ObjectReader::path_of(std::string_view name) const {
  if (name.empty() || path_.empty()) return path_ + std::string(name);
  return path_ + "." + std::string(name);
}

std::optional<Duration> parse_duration_sum(std::string_view text) {
  struct Unit {
    std::string_view name;
    double seconds;
  };
  constexpr std::array<Unit, 6> kUnits{
      {{"ms", 1e-3}, {"us", 1e-6}, {"ns", 1e-9}, {"h", 3600}, {"m", 60}, {"s", 1}}};
  if (text == "0") return Duration::zero();
  if (text.empty()) return std::nullopt;
  double seconds = 0;
  while (!text.empty()) {
    const std::size_t digits = std::min(text.find_first_not_of("0123456789."), text.size());
    const auto value = digits > 0 ? config::parse_double(text.substr(0, digits)) : std::nullopt;
    text.remove_prefix(digits);
    const Unit* unit = nullptr;
    for (const Unit& one : kUnits)
      if (unit == nullptr && text.starts_with(one.name)) unit = &one;
    if (!value || unit == nullptr) return std::nullopt;
    text.remove_prefix(unit->name.size());
    seconds += *value * unit->seconds;
  }
  if (seconds >= 3600.0 * 10000) return std::nullopt;
  return Duration(std::llround(seconds * 1e9));
}

}  // namespace weir::control
