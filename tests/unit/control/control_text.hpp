// SPDX-License-Identifier: Apache-2.0
// What the tests of weir-control share: a registry from a text, and resources as text.
#pragma once

#include <memory>
#include <string>

#include <google/protobuf/any.pb.h>
#include <google/protobuf/text_format.h>

#include "control/build_resources.hpp"
#include "control/parse_file.hpp"

namespace weir::control::testing {

/// The registry of one file with this text. Diagnostics are collected.
inline Registry registry_of(const std::string& text, config::Diagnostics& diagnostics) {
  const std::vector<Object> objects = parse_file("mesh.yaml", text, diagnostics);
  return build_registry({&objects}, diagnostics);
}

inline std::string describe(const ResourceSet& set) {
  google::protobuf::TextFormat::Printer printer;
  printer.SetExpandAny(true);
  std::string out;
  for (const ResourceType type : kResourceTypes)
    for (const auto& [name, resource] : set.of(type)) {
      google::protobuf::Any any;
      any.set_type_url(std::string(type_url(type)));
      any.set_value(resource->content);
      std::string text;
      printer.PrintToString(any, &text);
      out += std::string(short_name(type)) + " " + name + "\n" + text;
    }
  return out;
}

}  // namespace weir::control::testing
