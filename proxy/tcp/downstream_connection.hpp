// SPDX-License-Identifier: Apache-2.0
// DownstreamConnection: an accepted socket and what is known of it, on its way to a network filter.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/addresses.hpp"
#include "common/unique_fd.hpp"
#include "proxy/tcp/connection_slot.hpp"
#include "proxy/tcp/listener_use.hpp"
#include "proxy/upstream/client_source.hpp"
#include "proxy/upstream/loop_guard.hpp"

namespace weir::tcp {

/// What the inspectors found out. Only allocated for connections that were inspected.
struct InspectionResult {
  std::string transport_protocol;  // "tls", or empty: not detected
  std::string server_name;         // lower case
  std::vector<std::string> application_protocols;
};

/// Moves from the acceptor through the listener filters into a network filter, which then owns the
/// socket. Worker thread only.
struct DownstreamConnection {
  UniqueFd socket;
  std::uint64_t id = 0;
  std::chrono::steady_clock::time_point accepted;
  std::chrono::system_clock::time_point start;
  DownstreamAddress peer;
  /// What the client dialled: the socket's own address until a listener filter restores another.
  OriginalDestination destination;
  /// A listener filter has restored `destination` (Envoy: localAddressRestored). Also true when the
  /// address is the socket's own: restored does not mean redirected.
  bool restored = false;
  std::unique_ptr<InspectionResult> inspection;
  std::optional<upstream::LoopGuard::Origin>
      loop_origin;  // the peer is a marked upstream socket of ours
  std::optional<upstream::SourceKeeping>
      keep_source;  // a listener filter wants upstream connections to come from `peer`
  ConnectionSlot slot;
  std::optional<ListenerUse> listener;  // set as soon as one owns the connection
  const config::FilterChainConfig* filter_chain = nullptr;  // set once one was chosen

  [[nodiscard]] std::string_view server_name() const {
    return inspection ? std::string_view(inspection->server_name) : std::string_view();
  }
};

}  // namespace weir::tcp
