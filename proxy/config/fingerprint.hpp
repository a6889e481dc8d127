// SPDX-License-Identifier: Apache-2.0
// Fingerprints tell whether a message has changed.
#pragma once

#include <cstdint>

namespace google::protobuf {
class Message;
}

namespace weir::config {

/// The same for messages with the same fields, whatever the order of their maps; different, but for
/// one case in 2^64, for others. Meaningful within this process. Never 0.
std::uint64_t fingerprint_of(const google::protobuf::Message& message);

}  // namespace weir::config
