// SPDX-License-Identifier: Apache-2.0
// Response: what a control plane has sent, as one value for both protocols.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.hpp"
#include "proxy/xds/consumer.hpp"

namespace weir::xds {

struct Response {
  std::string type_url;
  std::string version;
  std::string nonce;
  std::vector<Resource> added;         // each name once
  std::vector<std::string> removed;    // delta
  std::vector<std::string> confirmed;  // delta: named without a body; nothing has changed
  std::vector<ResourceError> errors;   // of resources that are not in `added`
  std::string refusal;                 // not "": nothing of it may be applied
};

/// DiscoveryResponse or DeltaDiscoveryResponse. `bytes` are given back before resources are taken
/// apart. Error: they are no such message; the stream is of no use.
Result<Response> decode_response(Protocol protocol, std::string bytes);

/// The name of a resource of one of our types, from its bytes. nullopt: they are no message.
std::optional<std::string> read_resource_name(std::string_view bytes);

/// What a NACK says: "'name': field: text; …", printable, not longer than Envoy's (4096 bytes).
std::string describe_errors(const std::vector<ResourceError>& errors);

}  // namespace weir::xds
