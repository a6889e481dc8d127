// SPDX-License-Identifier: Apache-2.0
// `tcp:53,3000-5000:106-108;udp:53:dnsmasq`: what some users may open past the proxy.
#include <algorithm>
#include <charconv>

#include "init/cli/value_parser.hpp"

namespace weir::init {
namespace {

constexpr std::uint32_t kHighestId = 0xfffffffe;  // -1 means "no change" to the kernel

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::optional<std::uint32_t> parse_id(std::string_view text) {
  std::uint32_t id = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (ec != std::errc{} || end != text.data() + text.size() || id > kHighestId) return std::nullopt;
  return id;
}

std::optional<IdRange> parse_user(std::string_view text, const Environment& environment) {
  const auto dash = text.find('-');
  const auto first = parse_id(text.substr(0, dash));
  if (first && dash == std::string_view::npos) return IdRange{*first, *first};
  const auto last = first ? parse_id(text.substr(dash + 1)) : std::nullopt;
  if (last && *first <= *last) return IdRange{*first, *last};
  const auto users = environment.read_file("/etc/passwd");
  const auto id = users ? find_id(*users, text) : std::nullopt;
  if (!id) return std::nullopt;
  return IdRange{*id, *id};
}

class ItemParser {
 public:
  ItemParser(const RawValue& value, std::string_view item, std::size_t position,
             const Environment& environment)
      : value_(value), item_(item), position_(position), environment_(environment) {}

  Result<UserExclusion> parse() const {
    auto parts = split(item_, ':');
    UserExclusion exclusion;
    if (parts.size() == 3) {
      exclusion.udp = parts.front() == "udp";
      if (!exclusion.udp && parts.front() != "tcp")
        return error("'" + std::string(parts.front()) + "' is neither tcp nor udp");
      parts.erase(parts.begin());
    }
    if (parts.size() != 2) return error("not [PROTOCOL:]PORTS:USERS");
    const auto ports = PortSet::parse(parts[0]);
    if (!ports) return error(ports.error().message);
    if (ports->empty()) return error("no port; '*' for all");
    exclusion.ports = *ports;
    for (const std::string_view user : split(parts[1], ',')) {
      const auto range = parse_user(user, environment_);
      if (!range)
        return error("'" + std::string(user) +
                     "' is no user: a number, a range FIRST-LAST or a name in /etc/passwd");
      exclusion.users.push_back(*range);
    }
    return exclusion;
  }

 private:
  [[nodiscard]] Error error(std::string_view reason) const {
    return Error{value_.source + ": item " + std::to_string(position_) + ": '" +
                 std::string(item_) + "': " + std::string(reason)};
  }

  const RawValue& value_;
  std::string_view item_;
  std::size_t position_;
  const Environment& environment_;
};

}  // namespace

Result<std::vector<UserExclusion>> parse_user_exclusions(const RawValue& value,
                                                         const Environment& environment) {
  std::vector<UserExclusion> exclusions;
  std::size_t position = 0;
  for (const std::string_view item : split(value.text, ';')) {
    ++position;
    if (item.empty()) continue;
    TRY(UserExclusion exclusion, ItemParser(value, item, position, environment).parse());
    exclusions.push_back(std::move(exclusion));
  }
  return exclusions;
}

}  // namespace weir::init
