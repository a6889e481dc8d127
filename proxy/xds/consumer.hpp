// SPDX-License-Identifier: Apache-2.0
// Consumer: whoever applies the resources that a control plane sends.
#pragma once

#include <string>
#include <vector>

#include <google/protobuf/any.pb.h>

#include "proxy/xds/resource_type.hpp"

namespace weir::xds {

struct Resource {
  std::string name;
  std::string version;
  google::protobuf::Any body;
};

/// Why a resource was refused. `name` is "" when it could not be read, `field` when the whole
/// resource is at fault.
struct ResourceError {
  std::string name;
  std::string field;
  std::string text;
  bool operator==(const ResourceError&) const = default;
};

/// Main thread only. May change subscriptions from inside its functions, but not destroy the stream
/// that calls.
class Consumer {
 public:
  /// Applies what is good and keeps the old version of what is not. Each name stands in `added`
  /// once and not in `removed`; a name in `removed` may be unknown (the control plane says that it
  /// does not exist). Called for empty responses, too: that there is nothing is an answer.
  /// @return what was refused: the control plane is told.
  virtual std::vector<ResourceError> apply(ResourceType type, std::vector<Resource> added,
                                           std::vector<std::string> removed) = 0;
  /// No answer within the initial fetch timeout about `names`; empty: about the type as a whole.
  /// Whoever waits goes on without; an answer may still come.
  virtual void on_fetch_timeout(ResourceType type, const std::vector<std::string>& names) = 0;

 protected:
  ~Consumer() = default;
};

}  // namespace weir::xds
