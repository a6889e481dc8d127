// SPDX-License-Identifier: Apache-2.0
#include "proxy/server/take_over_message.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

namespace weir::server {
namespace {

using Kind = TakeOverMessage::Kind;

constexpr std::string_view kMagic = "weir-take-over";
constexpr std::array<std::pair<std::string_view, Kind>, 6> kWords{{{"ask", Kind::ask},
                                                                   {"sockets", Kind::sockets},
                                                                   {"end", Kind::end},
                                                                   {"kept", Kind::kept},
                                                                   {"serving", Kind::serving},
                                                                   {"refused", Kind::refused}}};
constexpr std::size_t kLongestReason = 200;

/// Takes what stands before `separator` off, and the separator.
std::string_view take_until(std::string_view& text, char separator) {
  const std::string_view part = text.substr(0, text.find(separator));
  text.remove_prefix(std::min(part.size() + 1, text.size()));
  return part;
}

std::string shown(std::string_view text, std::size_t most = 40) {
  std::string out(text.substr(0, most));
  for (char& c : out)
    if (c < ' ' || c > '~') c = '?';
  return out;
}

std::string text_of(const SocketLine& socket) {
  switch (socket.role) {
    case SocketRole::offer:
      return "offer";
    case SocketRole::admin:
      return "admin " + socket.address.to_string();
    case SocketRole::listener:
      break;
  }
  std::array<char, 16> digits{};
  const auto end =
      std::to_chars(digits.data(), digits.data() + digits.size(), socket.settings, 16).ptr;
  return "listener " + socket.address.to_string() + ' ' + std::string(digits.data(), end);
}

Result<SocketLine> read_socket(std::string_view line) {
  const auto wrong = [line](std::string_view reason) {
    return Error{"take-over: line '" + shown(line) + "': " + std::string(reason)};
  };
  std::string_view rest = line;
  const std::string_view word = take_until(rest, ' ');
  SocketLine socket;
  if (word == "offer" && rest.empty()) return SocketLine{SocketRole::offer, {}, 0};
  if (word == "admin")
    socket.role = SocketRole::admin;
  else if (word != "listener")
    return wrong("expected listener, admin or offer");
  auto address = Endpoint::parse(take_until(rest, ' '));
  if (!address) return wrong(address.error().message);
  socket.address = *address;
  if (socket.role == SocketRole::admin)
    return rest.empty() ? Result<SocketLine>(socket) : Result<SocketLine>(wrong("expected an end"));
  const auto [end, error] =
      std::from_chars(rest.data(), rest.data() + rest.size(), socket.settings, 16);
  if (error != std::errc{} || end != rest.data() + rest.size())
    return wrong("expected a hexadecimal number at its end");
  return socket;
}

bool has_sockets(Kind kind) { return kind == Kind::sockets || kind == Kind::kept; }

Result<Kind> read_head(std::string_view head) {
  const auto wrong = [head](const std::string& reason) {
    return Error{"take-over: message '" + shown(head) + "': " + reason};
  };
  std::string_view rest = head;
  if (take_until(rest, ' ') != kMagic) return wrong("it is not of a weir-proxy");
  if (take_until(rest, ' ') != std::to_string(kTakeOverVersion))
    return wrong("the other weir-proxy speaks another version than " +
                 std::to_string(kTakeOverVersion) + "; end it before this one starts");
  const auto known = std::find_if(kWords.begin(), kWords.end(),
                                  [rest](const auto& word) { return word.first == rest; });
  if (known == kWords.end()) return wrong("unknown word");
  return known->second;
}

}  // namespace

std::string write_message(const TakeOverMessage& message) {
  const auto word = std::find_if(kWords.begin(), kWords.end(),
                                 [&](const auto& known) { return known.second == message.kind; });
  std::string out(kMagic);
  out += ' ' + std::to_string(kTakeOverVersion) + ' ';
  out += word->first;
  out += '\n';
  for (const SocketLine& socket : message.sockets) out += text_of(socket) + '\n';
  if (message.kind == Kind::refused) out += message.reason.substr(0, kLongestReason) + '\n';
  return out;
}

Result<TakeOverMessage> read_message(std::string_view bytes) {
  if (bytes.size() > kLargestTakeOverMessage) return Error{"take-over: a message is too long"};
  if (bytes.empty() || bytes.back() != '\n')
    return Error{"take-over: message '" + shown(bytes) + "': it does not end with a line"};
  TakeOverMessage message;
  TRY(message.kind, read_head(take_until(bytes, '\n')));
  if (message.kind == Kind::refused) {
    message.reason = shown(take_until(bytes, '\n'), kLongestReason);
  } else if (has_sockets(message.kind)) {
    while (!bytes.empty()) {
      if (message.sockets.size() == kMostSocketsInMessage)
        return Error{"take-over: a message has too many lines"};
      TRY(auto socket, read_socket(take_until(bytes, '\n')));
      message.sockets.push_back(socket);
    }
  }
  if (!bytes.empty()) return Error{"take-over: a message has lines that do not belong there"};
  return message;
}

}  // namespace weir::server
