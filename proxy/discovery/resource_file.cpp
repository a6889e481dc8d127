// SPDX-License-Identifier: Apache-2.0
#include "proxy/discovery/resource_file.hpp"

#include <functional>
#include <map>
#include <memory>

#include <google/protobuf/struct.pb.h>

#include "envoy/service/discovery/v3/discovery.pb.h"
#include "proxy/config/yaml_to_proto.hpp"

namespace weir::discovery {
namespace {

using envoy::service::discovery::v3::DiscoveryResponse;
using Wrapper = envoy::service::discovery::v3::Resource;

/// "resources[3].name" → 3; -1: the path does not lead into a resource.
int index_in_resources(std::string_view path) {
  constexpr std::string_view kList = "resources[";
  if (!path.starts_with(kList)) return -1;
  int index = 0;
  for (const char c : path.substr(kList.size())) {
    if (c < '0' || c > '9') break;
    index = index * 10 + (c - '0');
  }
  return index;
}

const config::YamlNode* find(const config::YamlNode& node, std::string_view key) {
  for (const auto& entry : node.entries)
    if (entry.key->is_scalar() && entry.key->text == key) return entry.value;
  return nullptr;
}

/// The resource as it is written; nullptr: there is none.
const config::YamlNode* find_resource(const config::YamlDocument& document, int index) {
  const config::YamlNode* const list = find(*document.root, "resources");
  if (list == nullptr || static_cast<std::size_t>(index) >= list->items.size()) return nullptr;
  return list->items[static_cast<std::size_t>(index)];
}

/// What names a resource that may be unreadable otherwise.
std::string name_written(const config::YamlNode& item) {
  for (const char* key : {"name", "cluster_name"})
    if (const auto* name = find(item, key); name != nullptr && name->is_scalar()) return name->text;
  return "";
}

/// A resource that is no message, so that it can be shown all the same.
std::shared_ptr<const google::protobuf::Any> body_written(const config::YamlDocument& document,
                                                          const config::YamlNode& item) {
  config::YamlDocument part;
  part.file = document.file;
  part.root = &item;
  part.most_values = document.most_values;
  config::Diagnostics told_already;
  google::protobuf::Struct structure;
  config::yaml_to_proto(part, config::Dialect::lenient, structure, told_already);
  if (told_already.has_errors()) return nullptr;
  auto body = std::make_shared<google::protobuf::Any>();
  body->PackFrom(structure);
  return body;
}

Rejection rejection_of(const config::YamlDocument& document, int index, const std::string& text) {
  const config::YamlNode* const item = find_resource(document, index);
  if (item == nullptr) return {"", text};
  return {name_written(*item), text, body_written(document, *item)};
}

std::string joined(const std::string& a, const std::string& b) {
  return a.empty() ? b : a + "\n" + b;
}

void add_resource(const google::protobuf::Any& any, int index, Update& update) {
  Resource resource;
  resource.path = "resources[" + std::to_string(index) + "]";
  Wrapper wrapper;
  const std::string& url = any.type_url();
  if (url.substr(url.rfind('/') + 1) == Wrapper::descriptor()->full_name() &&
      wrapper.ParseFromString(any.value())) {
    resource.path += ".resource";
    resource.name = wrapper.name();
    resource.version = wrapper.version();
    resource.body = wrapper.resource();
  } else {
    resource.body = any;
  }
  update.changed.push_back(std::move(resource));
}

}  // namespace

Result<std::unique_ptr<ParsedFile>> parse_resource_file(const std::string& file,
                                                        std::string_view text, ResourceType type) {
  config::Diagnostics diagnostics;
  const auto document = config::parse_document(file, text, diagnostics);
  if (document == nullptr) return Error{diagnostics.to_string(config::Severity::error)};
  DiscoveryResponse response;
  config::yaml_to_proto(*document, config::Dialect::strict, response, diagnostics);
  std::map<int, std::string> refused;  // by place
  std::string whole;
  for (const config::Diagnostic& diagnostic : diagnostics.all()) {
    if (diagnostic.severity != config::Severity::error) continue;
    const int index = index_in_resources(diagnostic.path);
    std::string& into = index < 0 ? whole : refused[index];
    into = joined(into, diagnostic.to_string());
  }
  if (diagnostics.error_count() > config::Diagnostics::kMostErrors)
    whole = diagnostics.to_string(config::Severity::error);  // not all of them are known by place
  if (!whole.empty()) return Error{whole};
  auto parsed = std::make_unique<ParsedFile>();
  Update& update = parsed->update;
  update.type = type;
  update.full_state = type != ResourceType::endpoints;
  update.version = response.version_info();
  if (update.version.empty()) update.version = std::to_string(std::hash<std::string_view>{}(text));
  parsed->sources.add(document);
  for (int i = 0; i < response.resources_size(); ++i) {
    const auto bad = refused.find(i);
    if (bad == refused.end())
      add_resource(response.resources(i), i, update);
    else
      update.rejected.push_back(rejection_of(*document, i, bad->second));
  }
  update.sources = &parsed->sources;
  return parsed;
}

}  // namespace weir::discovery
