// SPDX-License-Identifier: Apache-2.0
// What sources of configuration hand over, whatever they are: files, a control plane.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <google/protobuf/any.pb.h>

#include "proxy/config/source_map.hpp"
#include "proxy/xds/resource_type.hpp"

namespace weir::discovery {

using xds::ResourceType;
using xds::type_url;

struct Resource {
  std::string name;     // "" = what the message says
  std::string version;  // "" = that of the update
  google::protobuf::Any body;
  /// Where it stands in the text that it came from ("resources[3]"), for error texts; "" = none.
  std::string path;
};

/// Why a resource was refused.
struct Rejection {
  std::string name;  // "" = unknown
  std::string text;  // each problem with its place and field path; one line each
  /// What was refused, or a google.protobuf.Struct of it when it is no message; null = unknown.
  std::shared_ptr<const google::protobuf::Any> body = nullptr;
};

/// What a source says about the resources of one type.
struct Update {
  ResourceType type = ResourceType::cluster;
  std::string version;
  std::vector<Resource> changed;     // added, changed, or the same as before
  std::vector<std::string> removed;  // names
  /// `changed` is all there is: others of the type go. (Clusters and listeners, state of the
  /// world.)
  bool full_state = false;
  const config::SourceMap* sources = nullptr;  // of the text; nullptr = there is none
  /// Rejections that the source has made itself: these resources keep their last good version.
  std::vector<Rejection> rejected;
};

}  // namespace weir::discovery
