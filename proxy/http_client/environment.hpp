// SPDX-License-Identifier: Apache-2.0
// Environment: what HTTP connections to upstream hosts use of their worker.
#pragma once

#include <cstdint>

#include "proxy/http/arena.hpp"
#include "proxy/http/http2/memory.hpp"
#include "proxy/io/block_pool.hpp"
#include "proxy/io/event_loop.hpp"
#include "proxy/tcp/relay.hpp"
#include "proxy/upstream/loop_guard.hpp"
#include "proxy/upstream/random.hpp"

namespace weir::http_client {

/// Bytes of the block of one upstream connection.
inline constexpr std::size_t kClientBlock = 448;

/// The same of one exchange of HTTP/2.
inline constexpr std::size_t kExchangeBlock = 96;

/// References to parts of the worker's context; lives as long as the worker.
struct Environment {
  io::EventLoop& loop;
  tcp::RelayResources& relay;
  http::ArenaPool& arenas;
  upstream::LoopGuard& loop_guard;
  upstream::Random& random;
  std::uint32_t& upstream_sockets;  // opened so far: every kMarkEvery-th is marked
  http::Http2Memory& http2_memory;
  io::BlockPool<kClientBlock> blocks;
  io::BlockPool<kExchangeBlock> exchanges;
};

}  // namespace weir::http_client
