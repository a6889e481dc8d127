// SPDX-License-Identifier: Apache-2.0
// The copy of the last good resources, as bytes: a head with a checksum, and a message for each
// type.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.hpp"
#include "proxy/discovery/resource.hpp"

namespace weir::discovery {

/// A larger copy is neither written nor read.
inline constexpr std::size_t kLargestLastGood = std::size_t{64} << 20;

/// What control planes had said, all together.
struct LastGood {
  std::string node_id;  // whom they had said it to
  std::string node_cluster;
  std::chrono::system_clock::time_point saved;  // whole milliseconds
  std::vector<Update> updates;                  // one a type; each is all there was of it
};

/// The same for the same content, whenever it is saved, but for `saved`.
std::string write_last_good(const LastGood& good);

/// Error: why the bytes are not such a copy, whole and as it was written.
Result<LastGood> read_last_good(std::string_view bytes);

/// All of it but `saved`: the same for copies with the same content.
std::string_view content_of_last_good(std::string_view bytes);

}  // namespace weir::discovery
