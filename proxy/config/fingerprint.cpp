// SPDX-License-Identifier: Apache-2.0
#include "proxy/config/fingerprint.hpp"

#include <functional>
#include <string>

#include "proxy/config/wire_text.hpp"

namespace weir::config {

std::uint64_t fingerprint_of(const google::protobuf::Message& message) {
  const std::uint64_t hash = std::hash<std::string>{}(wire_text(message));
  return hash != 0 ? hash : 1;
}

}  // namespace weir::config
