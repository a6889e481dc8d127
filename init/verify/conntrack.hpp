// SPDX-License-Identifier: Apache-2.0
// What connection tracking made of a packet: the entry's two directions tell whether and where it
// was redirected. Over ctnetlink, which needs CAP_NET_ADMIN only.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "common/ip.hpp"
#include "common/result.hpp"
#include "common/unique_fd.hpp"

namespace weir::init {

/// The first packet's addresses. What an entry is found by.
struct ConntrackTuple {
  std::uint8_t protocol = 0;
  Endpoint source;
  Endpoint destination;
  auto operator<=>(const ConntrackTuple&) const = default;
};

struct ConntrackEntry {
  ConntrackTuple original;
  ConntrackTuple reply;  // source: who answers, after redirection
  std::uint32_t mark = 0;
  std::uint16_t zone = 0;
  std::uint32_t timeout = 0;  // seconds left; only in an entry that was asked for
  bool operator==(const ConntrackEntry&) const = default;
};

/// New entries of this network namespace, as they are made.
class ConntrackEvents {
 public:
  /// EOPNOTSUPP when the kernel has no ctnetlink.
  static Result<ConntrackEvents> open();
  /// Appends what has come in; does not wait.
  void drain(std::vector<ConntrackEntry>& entries);
  [[nodiscard]] int fd() const { return fd_.get(); }

 private:
  explicit ConntrackEvents(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

/// The entry as it is now; absent when there is none.
Result<std::optional<ConntrackEntry>> find_conntrack_entry(const ConntrackTuple& original,
                                                           std::uint16_t zone);
/// Removes entries; those that are gone already are no error.
void remove_conntrack_entries(const std::vector<ConntrackEntry>& entries);

}  // namespace weir::init
