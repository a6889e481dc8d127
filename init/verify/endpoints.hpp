// SPDX-License-Identifier: Apache-2.0
// The sockets of a proof: who listens on the proxy's ports, who connects as which user, and what
// goes through the far end of the temporary links.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <vector>

#include "common/result.hpp"
#include "common/unique_fd.hpp"
#include "init/verify/observation.hpp"
#include "init/verify/segment.hpp"
#include "init/verify/stage.hpp"

namespace weir::init {

/// Listens where the proxy would, and where an application would, as long as nobody else does.
class StandIn {
 public:
  struct Arrival {
    Endpoint peer;
    std::uint16_t port = 0;  // of the listener, whatever the connection was sent to
  };
  /// Takes the ports without listening on them yet. Those that are in use are left alone:
  /// is_complete() is false when it is one of the proxy's; somebody else answers there.
  /// On the proxy's ports `transparent` says whether the sockets of IPv4 are transparent; those of
  /// IPv6 always are, so that both kinds are met.
  static StandIn take(const std::set<std::uint16_t>& proxy_ports, bool transparent,
                      const std::set<std::uint16_t>& application_ports, bool ipv6);
  void listen();
  [[nodiscard]] bool is_complete() const { return complete_; }
  [[nodiscard]] bool holds(std::uint16_t port) const;
  /// Accepts what has come. Does not wait.
  void drain(std::vector<Arrival>& arrivals);

 private:
  struct Listener {
    UniqueFd fd;
    std::uint16_t port = 0;
  };
  std::vector<Listener> listeners_;
  std::vector<UniqueFd> accepted_;
  bool complete_ = true;
};

/// One connection, or one lone segment, of a user of this namespace.
class Sender {
 public:
  /// Sends the packet. Error: it could not be sent (no route, a capability is missing).
  static Result<Sender> send(const Packet& packet, std::uint16_t lone_port);
  [[nodiscard]] const ConntrackTuple& tuple() const { return tuple_; }
  /// What came back until now.
  Answer answer();

 private:
  UniqueFd socket_;  // gone for a lone segment
  ConntrackTuple tuple_;
  bool refused_ = false;
};

/// The outer ends of the links: packets come in from there, and answers arrive there.
class FarEnd {
 public:
  /// EPERM: CAP_NET_RAW is missing.
  static Result<FarEnd> open(const Stage& stage);
  /// Puts the packet on its link. @return what it will be tracked as.
  Result<ConntrackTuple> inject(const Packet& packet, std::uint16_t source_port) const;
  /// Ends what an answered SYN began.
  void reset(const ConntrackTuple& tuple, const std::string& interface) const;
  /// Appends the segments that came out. Does not wait.
  void drain(std::vector<Segment>& answers) const;
  [[nodiscard]] int fd(std::size_t link) const { return sockets_[link].get(); }

 private:
  [[nodiscard]] Result<void> put(const Segment& segment, const std::string& interface) const;
  std::vector<UniqueFd> sockets_;  // by link
  std::vector<std::string> names_;
};

}  // namespace weir::init
