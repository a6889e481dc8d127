// SPDX-License-Identifier: Apache-2.0
#include "init/cli/resolv_conf.hpp"

#include <algorithm>
#include <string>

namespace weir::init {
namespace {

constexpr std::string_view kBlanks = " \t\r";

std::string_view next_word(std::string_view& line) {
  line.remove_prefix(std::min(line.find_first_not_of(kBlanks), line.size()));
  const std::string_view word = line.substr(0, line.find_first_of(kBlanks));
  line.remove_prefix(word.size());
  return word;
}

}  // namespace

Result<std::vector<IpAddress>> parse_resolv_conf(std::string_view text) {
  std::vector<IpAddress> servers;
  for (std::size_t number = 1; !text.empty(); ++number) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (next_word(line) != "nameserver") continue;
    const std::string_view word = next_word(line);
    const auto address = IpAddress::parse(word.substr(0, word.find('%')));
    if (!address)
      return Error{"/etc/resolv.conf line " + std::to_string(number) + ": " +
                   address.error().message};
    if (std::find(servers.begin(), servers.end(), *address) == servers.end())
      servers.push_back(*address);
  }
  if (servers.empty()) servers = {*IpAddress::parse("127.0.0.1"), *IpAddress::parse("::1")};
  return servers;
}

}  // namespace weir::init
