// SPDX-License-Identifier: Apache-2.0
#include "init/cli/flag_reader.hpp"

#include "init/cli/value_parser.hpp"

namespace weir::init {

Result<void> read_boolean(const RawFlags& flags, FlagId id, bool& target) {
  if (const auto& value = flags.get(id)) {
    TRY(target, parse_boolean(*value));
  }
  return {};
}

Result<void> read_port(const RawFlags& flags, FlagId id, std::uint16_t& target) {
  if (const auto& value = flags.get(id)) {
    TRY(target, parse_port(*value));
  }
  return {};
}

void read_text(const RawFlags& flags, FlagId id, std::string& target) {
  if (const auto& value = flags.get(id)) target = value->text;
}

Error choice_error(const RawValue& value, std::span<const std::string_view> names) {
  std::string list;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) list += i + 1 == names.size() ? " and " : ", ";
    list += "'" + std::string(names[i]) + "'";
  }
  return Error{value.source + ": '" + value.text + "': not one of " + list};
}

}  // namespace weir::init
