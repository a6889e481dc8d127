// SPDX-License-Identifier: Apache-2.0
#include "init/explain/listeners.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>
#include <string>

#include <endian.h>

namespace weir::init {
namespace {

constexpr unsigned kStateListen = 0x0a;       // TCP_LISTEN
constexpr unsigned kStateUnconnected = 0x07;  // UDP: TCP_CLOSE

std::string_view next_word(std::string_view& line) {
  line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
  const std::string_view word = line.substr(0, line.find(' '));
  line.remove_prefix(word.size());
  return word;
}

std::optional<std::uint32_t> number(std::string_view text, int base) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// Each 32-bit part of the address is printed as a number of the machine's byte order.
std::optional<Endpoint> parse_local(std::string_view word, IpFamily family) {
  const std::size_t digits = family == IpFamily::v4 ? 8 : 32;
  if (word.size() != digits + 5 || word[digits] != ':') return std::nullopt;
  std::uint8_t bytes[16] = {};
  for (std::size_t part = 0; part < digits / 8; ++part) {
    const auto value = number(word.substr(part * 8, 8), 16);
    if (!value) return std::nullopt;
    std::memcpy(bytes + part * 4, &*value, 4);
  }
  const auto port = number(word.substr(digits + 1), 16);
  if (!port) return std::nullopt;
  return Endpoint{family == IpFamily::v4 ? IpAddress::v4(bytes) : IpAddress::v6(bytes),
                  static_cast<std::uint16_t>(*port)};
}

std::optional<Listener> parse_line(std::string_view line, IpFamily family, bool udp) {
  next_word(line);  // number of the line
  const auto local = parse_local(next_word(line), family);
  next_word(line);  // the other end
  const auto state = number(next_word(line), 16);
  for (int i = 0; i < 3; ++i) next_word(line);  // queues, timer, retransmissions
  const auto uid = number(next_word(line), 10);
  if (!local || !uid || state != (udp ? kStateUnconnected : kStateListen)) return std::nullopt;
  return Listener{udp, *local, *uid};
}

}  // namespace

std::vector<Listener> parse_socket_table(std::string_view text, IpFamily family, bool udp) {
  std::vector<Listener> listeners;
  text.remove_prefix(std::min(text.find('\n'), text.size()));  // headings
  while (!text.empty()) {
    text.remove_prefix(1);
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(line.size());
    if (const auto listener = parse_line(line, family, udp)) listeners.push_back(*listener);
  }
  return listeners;
}

Result<std::vector<Listener>> read_listeners(const Environment& environment) {
  std::vector<Listener> all;
  for (const bool udp : {false, true})
    for (const IpFamily family : {IpFamily::v4, IpFamily::v6}) {
      const std::string path =
          std::string("/proc/net/") + (udp ? "udp" : "tcp") + (family == IpFamily::v4 ? "" : "6");
      const auto text = environment.read_file(path);
      if (!text && family == IpFamily::v6) continue;
      if (!text) return text.error();
      const auto listeners = parse_socket_table(*text, family, udp);
      all.insert(all.end(), listeners.begin(), listeners.end());
    }
  return all;
}

bool takes(const std::vector<Listener>& listeners, bool udp, const Endpoint& to) {
  return std::any_of(listeners.begin(), listeners.end(), [&](const Listener& listener) {
    if (listener.udp != udp || listener.local.port != to.port) return false;
    const IpAddress& address = listener.local.address;
    if (address.is_any()) return address.family() == to.address.family() || !address.is_v4();
    return address.unmapped() == to.address;
  });
}

}  // namespace weir::init
