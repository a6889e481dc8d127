// SPDX-License-Identifier: Apache-2.0
// WorkerContext: what the filters may use of the worker that they run on.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/access_log/sink.hpp"
#include "proxy/filters/wall_clock.hpp"
#include "proxy/http/arena.hpp"
#include "proxy/http_client/environment.hpp"
#include "proxy/io/block_pool.hpp"
#include "proxy/io/event_loop.hpp"
#include "proxy/stats/stats_store.hpp"
#include "proxy/tcp/connection.hpp"
#include "proxy/tcp/relay.hpp"
#include "proxy/upstream/load_balancer.hpp"
#include "proxy/upstream/loop_guard.hpp"

namespace weir::filters {

/// Bytes of one connection's block: the bound on what an idle connection costs in user memory.
inline constexpr std::size_t kConnectionBlock = 352;
/// The same of an HTTP connection.
inline constexpr std::size_t kSessionBlock = 544;
inline constexpr std::size_t kHttp2SessionBlock = 640;
inline constexpr std::size_t kHttp2SideBlock = 96;
/// Bytes of the block of one HTTP stream; it lives from request to response only.
inline constexpr std::size_t kStreamBlock = 1536;

/// Gathers the access-log lines of one turn and hands them to their sinks at its end. Worker thread
/// only.
class AccessLogBatch {
 public:
  /// Where to append lines for `sink`. Valid until the next call.
  std::string& lines_for(access_log::AccessLogSink& sink);
  void flush();

 private:
  std::vector<std::pair<access_log::AccessLogSink*, std::string>> pending_;
};

/// At most a few log lines a second for connections that we ended: a flood of them must not become
/// a flood of lines.
class EndLogLimit {
 public:
  /// @return how many lines were held back since the last one that was let through, or -1: hold
  /// this one back too.
  int admit(std::chrono::steady_clock::time_point now) noexcept;

 private:
  static constexpr int kLinesPerSecond = 20;
  std::chrono::steady_clock::time_point second_;
  int lines_ = 0;
  int held_back_ = 0;
};

/// Owned by the worker, used on its thread only.
struct WorkerContext {
  unsigned worker = 0;
  io::EventLoop& loop;
  stats::EndReasonStats& end_reasons;
  upstream::LoopGuard& loop_guard;
  upstream::Random random;
  tcp::RelayResources relay;
  tcp::ConnectionList connections;
  io::BlockPool<kConnectionBlock> connection_blocks;
  AccessLogBatch access_logs;
  EndLogLimit end_log_limit;
  std::uint32_t upstream_sockets =
      0;  // opened so far: every kMarkEvery-th is marked for the loop guard
  /// Connections of that direction end with their next response; by TrafficDirection.
  std::array<bool, 3> draining{};
  // HTTP
  WallClock wall_clock;
  http::ArenaPool arenas;
  http::Http2Memory http2_memory;
  io::BlockPool<kSessionBlock> sessions;
  io::BlockPool<kHttp2SessionBlock> http2_sessions;
  io::BlockPool<kHttp2SideBlock> http2_sides;
  io::BlockPool<kStreamBlock> streams;
  http_client::Environment http_client{
      loop, relay, arenas, loop_guard, random, upstream_sockets, http2_memory, {}, {}};
};

}  // namespace weir::filters
