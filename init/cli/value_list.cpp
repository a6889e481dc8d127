// SPDX-License-Identifier: Apache-2.0
#include "init/cli/value_list.hpp"

#include <algorithm>

namespace weir::init {
namespace {

std::string_view trim(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  const auto first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

bool separates(char c) { return c == ',' || c == ' ' || c == '\t' || c == '\r'; }

}  // namespace

ValueList ValueList::split(const RawValue& value) {
  ValueList list;
  list.source_ = value.source;
  list.text_ = std::make_unique<const std::string>(value.text);
  list.split_value();
  return list;
}

Result<ValueList> ValueList::read(const RawValue& value, const Environment& environment) {
  if (!value.text.starts_with('@')) return split(value);
  ValueList list;
  list.source_ = value.source;
  list.path_ = value.text.substr(1);
  auto content = environment.read_file(list.path_);
  if (!content) return content.error().with_context(value.source);
  list.text_ = std::make_unique<const std::string>(*std::move(content));
  list.split_file();
  return list;
}

void ValueList::split_value() {
  const std::string_view text = *text_;
  std::uint32_t position = 0;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    const std::string_view item = trim(text.substr(begin, end - begin));
    begin = end + 1;
    ++position;
    if (!item.empty()) items_.push_back({item, position});
  }
}

void ValueList::split_file() {
  const std::string_view text = *text_;
  std::uint32_t line = 1;
  for (std::size_t i = 0; i < text.size();) {
    if (text[i] == '\n') {
      ++line;
      ++i;
    } else if (text[i] == '#') {
      i = std::min(text.find('\n', i), text.size());
    } else if (separates(text[i])) {
      ++i;
    } else {
      const std::size_t begin = i;
      while (i < text.size() && text[i] != '\n' && text[i] != '#' && !separates(text[i])) ++i;
      items_.push_back({text.substr(begin, i - begin), line});
    }
  }
}

Error ValueList::error(const Item& item, std::string_view reason) const {
  const std::string place = path_.empty() ? "item " : path_ + " line ";
  return Error{source_ + ": " + place + std::to_string(item.position) + ": '" +
               std::string(item.text) + "': " + std::string(reason)};
}

}  // namespace weir::init
