// SPDX-License-Identifier: Apache-2.0
#include "proxy/config/field_names.hpp"

#include <algorithm>
#include <cctype>
#include <vector>

#include <google/protobuf/descriptor.h>

namespace weir::config {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::EnumValueDescriptor;
using google::protobuf::FieldDescriptor;

constexpr std::size_t kLongestName = 64;  // longer ones are never a typing error for one of ours

std::string snake_case(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (c >= 'A' && c <= 'Z') {
      out += '_';
      out += static_cast<char>(c - 'A' + 'a');
    } else {
      out += c;
    }
  }
  return out;
}

std::string enum_case(std::string_view name) {
  std::string out(name);
  for (char& c : out)
    c = c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return out;
}

/// Levenshtein distance.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t substituted = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, substituted});
    }
  }
  return row[b.size()];
}

/// The field whose name is close enough to be what was meant; "" = none.
std::string closest_field(const Descriptor& type, const std::string& name) {
  std::string closest;
  std::size_t best = std::max<std::size_t>(1, name.size() / 3) + 1;
  if (name.size() > kLongestName) return closest;
  for (int i = 0; i < type.field_count(); ++i) {
    const std::size_t distance = edit_distance(name, type.field(i)->name());
    if (distance >= best) continue;
    best = distance;
    closest = type.field(i)->name();
  }
  return closest;
}

std::string shortened(std::string_view name) {
  return name.size() <= kLongestName ? std::string(name)
                                     : std::string(name.substr(0, kLongestName)) + "...";
}

}  // namespace

const FieldDescriptor* find_field(const Descriptor& type, std::string_view name) {
  const std::string key(name);
  if (const FieldDescriptor* field = type.FindFieldByName(key)) return field;
  return type.FindFieldByCamelcaseName(key);
}

std::string explain_missing_field(const Descriptor& type, std::string_view name) {
  const std::string snake = snake_case(name);
  if (type.IsReservedName(snake))
    return "field '" + snake + "' of " + type.full_name() +
           " is not supported by this version of weir-proxy";
  std::string text = "unknown field '" + shortened(name) + "' of " + type.full_name();
  if (const std::string closest = closest_field(type, snake); !closest.empty())
    text += "; did you mean '" + closest + "'?";
  return text;
}

const EnumValueDescriptor* find_enum_value(const EnumDescriptor& type, std::string_view name) {
  if (const EnumValueDescriptor* value = type.FindValueByName(std::string(name))) return value;
  const std::string wanted = enum_case(name);
  for (int i = 0; i < type.value_count(); ++i)
    if (enum_case(type.value(i)->name()) == wanted) return type.value(i);
  return nullptr;
}

std::string explain_missing_enum_value(const EnumDescriptor& type, std::string_view name) {
  if (const std::string upper = enum_case(name); type.IsReservedName(upper))
    return "value '" + upper + "' of " + type.full_name() +
           " is not supported by this version of weir-proxy";
  std::string text =
      "'" + shortened(name) + "' is not a value of " + type.full_name() + "; expected ";
  for (int i = 0; i < type.value_count(); ++i) {
    if (i > 0) text += i + 1 == type.value_count() ? " or " : ", ";
    text += type.value(i)->name();
  }
  return text;
}

}  // namespace weir::config
