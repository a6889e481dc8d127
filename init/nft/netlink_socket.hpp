// SPDX-License-Identifier: Apache-2.0
// One netlink socket: requests, dumps and nf_tables batches, with the kernel's own words in the
// errors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "common/result.hpp"

struct mnl_socket;
struct nlmsghdr;

namespace weir::init {

/// How the kernel refused one message of a batch.
struct BatchFailure {
  std::uint32_t sequence = 0;
  int code = 0;         // errno
  std::string message;  // extended acknowledgement, may be empty
};

class NetlinkSocket {
 public:
  /// `bus` is NETLINK_NETFILTER or NETLINK_ROUTE. EPROTONOSUPPORT when the kernel lacks it.
  static Result<NetlinkSocket> open(int bus);

  /// What the kernel calls this socket.
  [[nodiscard]] std::uint32_t port() const;

  using OnMessage = std::function<void(const nlmsghdr*)>;
  /// Sends one request and hands over each reply until it is complete. The message must ask for a
  /// dump or an acknowledgement. Error carries errno; EINTR when the dumped objects changed under
  /// the dump.
  Result<void> request(const nlmsghdr* message, const OnMessage& on_message);

  /// Sends a whole batch in one go and collects the verdict. @return the first failure, or sequence
  /// 0 and code 0. Error when the batch could not be sent at all.
  Result<BatchFailure> send_batch(std::span<const char> batch);

 private:
  struct Closer {
    void operator()(mnl_socket* socket) const noexcept;
  };
  explicit NetlinkSocket(mnl_socket* socket);
  Result<void> make_room(std::size_t size);

  std::unique_ptr<mnl_socket, Closer> socket_;
  std::vector<char> buffer_;
};

}  // namespace weir::init
