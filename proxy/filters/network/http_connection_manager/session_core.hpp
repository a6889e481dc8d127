// SPDX-License-Identifier: Apache-2.0
// SessionCore: what an HTTP connection of a client is, whatever version it speaks.
#pragma once

#include <chrono>
#include <memory>
#include <optional>

#include "common/unique_fd.hpp"
#include "proxy/filters/network/http_connection_manager/hcm_instance.hpp"
#include "proxy/filters/network/http_connection_manager/stream_connection.hpp"
#include "proxy/tcp/downstream_connection.hpp"

namespace weir::filters {

/// Taken over from the intake; moves from the HTTP/1 session to the HTTP/2 session when the client
/// turns out to speak that.
struct SessionCore {
  /// What only few connections have.
  struct Rare {
    std::unique_ptr<tcp::InspectionResult> inspection;
    std::optional<upstream::LoopGuard::Origin> loop_origin;
    std::optional<upstream::SourceKeeping> keep_source;
  };

  explicit SessionCore(tcp::DownstreamConnection&& connection);
  SessionCore(SessionCore&&) noexcept = default;

  /// Tells the end of the connection: counters, log line, the listener's access logs.
  void report(HcmInstance& hcm, tcp::EndReason reason, std::uint64_t received,
              std::uint64_t sent) const;

  tcp::ConnectionSlot slot;
  tcp::ListenerUse listener;
  UniqueFd socket;
  std::unique_ptr<Rare> rare;
  SessionFacts facts;
  std::chrono::steady_clock::time_point accepted;
  std::chrono::system_clock::time_point start;
};

/// The end reasons that the client brought about.
[[nodiscard]] bool is_remote(tcp::EndReason reason) noexcept;

}  // namespace weir::filters
