// SPDX-License-Identifier: Apache-2.0
// The few socket calls that the benchmark's programs share.
#pragma once

#include <netinet/in.h>

#include <cstddef>
#include <cstdint>
#include <string>

namespace bench {

// "198.51.100.2:7001" as an address; ends the program when it is not one.
sockaddr_in parse_destination(const std::string& text);

// A listening socket on 0.0.0.0:port with the largest backlog; ends the program on failure.
int listen_on(std::uint16_t port);

// A connected blocking socket with TCP_NODELAY; -1 with errno set on failure.
int connect_to(const sockaddr_in& destination);

// Writes all of it / fills all of it; false on end of file or error.
bool write_all(int fd, const void* data, std::size_t size);
bool read_all(int fd, void* data, std::size_t size);

void set_nonblocking(int fd);
void set_nodelay(int fd);
// close() then sends RST instead of FIN: no TIME_WAIT is left behind.
void reset_on_close(int fd);

std::int64_t now_ns();

}  // namespace bench
