// SPDX-License-Identifier: Apache-2.0
// Kept connections with at most one small request in flight on each.
#pragma once

#include <netinet/in.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "bench/tools/dialect.hpp"

namespace bench {

class Requester {
 public:
  // Connects `connections` times; ends the program when one cannot be made.
  Requester(const sockaddr_in& destination, std::size_t connections, Dialect dialect);
  ~Requester();
  Requester(const Requester&) = delete;
  Requester& operator=(const Requester&) = delete;

  std::size_t size() const { return peers_.size(); }

  // Sends a request on an idle connection; `intended_ns` comes back with the reply.
  void send(std::size_t connection, std::int64_t intended_ns);

  // Waits up to `timeout_ns` (< 0: for ever) and reports every whole reply. Ends the program when a
  // connection is closed before its reply, or a reply belongs to another request. One that closes
  // while idle, or after a reply that said so, is replaced.
  using OnReply = std::function<void(std::size_t connection, std::int64_t intended_ns)>;
  void wait(std::int64_t timeout_ns, const OnReply& on_reply);

 private:
  struct Peer {
    int fd = -1;
    std::uint64_t id = 0;
    std::int64_t intended = 0;
    bool waits = false;  // for a reply
    Reply reply;
  };

  void open(std::size_t connection);
  void reopen(std::size_t connection);

  const sockaddr_in destination_;
  Dialect dialect_;
  int epoll_;
  std::uint64_t next_id_ = 1;
  std::vector<Peer> peers_;
};

}  // namespace bench
