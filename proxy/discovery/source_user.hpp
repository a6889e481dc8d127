// SPDX-License-Identifier: Apache-2.0
// SourceUser: whoever applies what files and control planes say.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "proxy/discovery/resource.hpp"

namespace weir::discovery {

/// Main thread.
class SourceUser {
 public:
  /// @return what was refused.
  virtual std::vector<Rejection> update(const Update& update) = 0;
  /// A text or a response as a whole, after what is good of it was applied.
  virtual void on_response(ResourceType type, std::string_view version, bool accepted) = 0;
  /// No answer in time about `names`; empty: about the type.
  virtual void on_fetch_timeout(ResourceType type, const std::vector<std::string>& names) = 0;
  /// `source`, a file, cannot be understood as a whole, or holds something without a name; "" = it
  /// is well again.
  virtual void on_problem(ResourceType type, const std::string& source, std::string text) = 0;
  /// The source of the type cannot be read.
  virtual void on_lost(ResourceType type) = 0;
  /// A stream to a control plane could not be opened, or has ended; "" = it is open. Called from
  /// inside the stream.
  virtual void on_stream(const std::string& control_plane, std::string problem) = 0;

 protected:
  ~SourceUser() = default;
};

}  // namespace weir::discovery
