// SPDX-License-Identifier: Apache-2.0
// What two proxies say to each other when the one takes the other's listening sockets over.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/ip.hpp"
#include "common/result.hpp"

namespace weir::server {

/// What a socket that changes hands is for.
enum class SocketRole : std::uint8_t {
  listener,
  admin,
  offer  // the one that these messages come through: who has it is the next to be asked
};

struct SocketLine {
  SocketRole role = SocketRole::listener;
  Endpoint address;            // not of an offer
  std::uint64_t settings = 0;  // socket_settings(), of a listener
  bool operator==(const SocketLine&) const = default;
};

/// One packet, text in lines: `weir-take-over VERSION WORD`, then a line for each socket.
struct TakeOverMessage {
  enum class Kind : std::uint8_t {
    ask,      // new → old: your sockets, please
    sockets,  // old → new: some of them; the packet carries a descriptor for each line
    end,      // old → new: these were all
    kept,     // new → old: some of those that it uses
    serving,  // new → old: it serves, these were all that it uses
    refused   // old → new: `reason`
  };
  Kind kind = Kind::ask;
  std::vector<SocketLine> sockets;
  std::string reason;  // one line
  bool operator==(const TakeOverMessage&) const = default;
};

constexpr unsigned kTakeOverVersion = 1;
constexpr std::size_t kMostSocketsInMessage = 64;  // the kernel takes 253 descriptors a packet
constexpr std::size_t kLargestTakeOverMessage = 8192;

std::string write_message(const TakeOverMessage& message);

/// A peer's bytes: anything. Error: "take-over: message 'first line': reason".
Result<TakeOverMessage> read_message(std::string_view bytes);

}  // namespace weir::server
