// SPDX-License-Identifier: Apache-2.0
#include "init/compat/kuma_exclusions.hpp"

#include <algorithm>

namespace weir::init {
namespace {

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

Error exclusion_error(const RawValue& value, std::string_view item, std::string_view reason) {
  return Error{value.source + ": '" + std::string(item) + "': " + std::string(reason)};
}

// Appends one item; `protocols` is what the flag's name already says, or empty.
Result<void> append(const RawValue& value, std::string_view item, std::string_view protocols,
                    std::string& text) {
  auto parts = split(item, ':');
  if (!protocols.empty()) parts.insert(parts.begin(), protocols);
  if (parts.size() > 3) return exclusion_error(value, item, "not [PROTOCOL:][PORTS:]USERS");
  const std::string_view users = parts.back();
  if (users.empty() || users == "*" || users.find(',') != std::string_view::npos)
    return exclusion_error(value, item, "one user or a range of users at the end");
  std::string_view ports = parts.size() > 1 ? parts[parts.size() - 2] : "*";
  if (ports.empty()) ports = "*";
  protocols = parts.size() > 2 ? parts[0] : "*";
  if (protocols.empty() || protocols == "*") protocols = "tcp,udp";
  for (const std::string_view protocol : split(protocols, ',')) {
    if (protocol != "tcp" && protocol != "udp")
      return exclusion_error(value, item, "'" + std::string(protocol) + "' is neither tcp nor udp");
    if (!text.empty()) text += ';';
    text.append(protocol).append(":").append(ports).append(":").append(users);
  }
  return {};
}

// A variable is split at commas there, so that a list of ports cannot be said in it.
std::vector<std::string_view> items_of(const RawValue& value) {
  if (!value.source.starts_with("environment variable")) return {value.text};
  return split(value.text, ',');
}

}  // namespace

Result<std::optional<RawValue>> kuma_user_exclusions(const ForeignValues& values) {
  struct Source {
    std::string_view flag, protocols;
  };
  constexpr Source kSources[] = {{"exclude-outbound-ports-for-uids", ""},
                                 {"exclude-outbound-tcp-ports-for-uids", "tcp"},
                                 {"exclude-outbound-udp-ports-for-uids", "udp"}};
  std::optional<RawValue> joined;
  for (const auto& [flag, protocols] : kSources)
    for (const RawValue& value : values.all(flag))
      for (const std::string_view item : items_of(value)) {
        if (item.empty()) continue;
        if (!joined) joined = RawValue{"", value.source};
        TRY_VOID(append(value, item, protocols, joined->text));
      }
  return joined;
}

}  // namespace weir::init
