// SPDX-License-Identifier: Apache-2.0
// Resources in Envoy's form: read by the proxy's own path, so that what it does not know is named
// with its place.
#include <google/protobuf/any.pb.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include "control/parse_file.hpp"
#include "envoy/service/discovery/v3/discovery.pb.h"
#include "proxy/config/source_map.hpp"
#include "proxy/config/yaml_to_proto.hpp"

namespace weir::control {
namespace {

using config::Diagnostics;
using config::Severity;
using google::protobuf::Any;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

/// The message inside, or nullptr for a type that our schema lacks.
std::unique_ptr<Message> unpack(const Any& any) {
  const std::string& url = any.type_url();
  const auto* type = google::protobuf::DescriptorPool::generated_pool()->FindMessageTypeByName(
      url.substr(url.rfind('/') + 1));
  if (type == nullptr) return nullptr;
  std::unique_ptr<Message> message(
      google::protobuf::MessageFactory::generated_factory()->GetPrototype(type)->New());
  return message->ParseFromString(any.value()) ? std::move(message) : nullptr;
}

/// Looks for configurations of types that our schema lacks: their content was not read, so that
/// serving the resource would serve something else than was written.
class UnknownTypes {
 public:
  UnknownTypes(const config::SourceMap& sources, Diagnostics& diagnostics)
      : sources_(sources), diagnostics_(diagnostics) {}

  void check(const Message& message, const std::string& path) {
    if (message.GetDescriptor() == Any::descriptor())
      return check_any(static_cast<const Any&>(message), path);
    std::vector<const FieldDescriptor*> fields;
    message.GetReflection()->ListFields(message, &fields);
    for (const FieldDescriptor* field : fields)
      if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE)
        check_field(message, *field, path.empty() ? field->name() : path + "." + field->name());
  }

 private:
  void check_field(const Message& message, const FieldDescriptor& field, const std::string& path) {
    const auto* reflection = message.GetReflection();
    if (!field.is_repeated()) return check(reflection->GetMessage(message, &field), path);
    for (int i = 0; i < reflection->FieldSize(message, &field); ++i) {
      const Message& item = reflection->GetRepeatedMessage(message, &field, i);
      if (field.is_map())
        check_entry(item, field, path);
      else
        check(item, path + "[" + std::to_string(i) + "]");
    }
  }

  void check_entry(const Message& entry, const FieldDescriptor& field, const std::string& path) {
    const FieldDescriptor* value = field.message_type()->map_value();
    const FieldDescriptor* key = field.message_type()->map_key();
    if (value->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE ||
        key->cpp_type() != FieldDescriptor::CPPTYPE_STRING)
      return;
    const auto* reflection = entry.GetReflection();
    check(reflection->GetMessage(entry, value), path + "." + reflection->GetString(entry, key));
  }

  void check_any(const Any& any, const std::string& path) {
    if (any.type_url().empty()) return;
    const auto content = unpack(any);
    if (content != nullptr) return check(*content, path);
    diagnostics_.add({Severity::error, sources_.locate(path), path,
                      "type '" + any.type_url() + "' is not supported: it cannot be served"});
  }

  const config::SourceMap& sources_;
  Diagnostics& diagnostics_;
};

/// The name by which a client asks for it.
std::string name_of(ResourceType type, const Message& message) {
  const auto* field = message.GetDescriptor()->FindFieldByName(
      type == ResourceType::endpoint ? "cluster_name" : "name");
  return message.GetReflection()->GetString(message, field);
}

}  // namespace

void parse_envoy_resources(const std::shared_ptr<const config::YamlDocument>& document,
                           Diagnostics& diagnostics, std::vector<Object>& out) {
  config::SourceMap sources;
  sources.add(document);
  envoy::service::discovery::v3::DiscoveryResponse response;
  bool is_single = false;
  for (const auto& entry : document->root->entries) is_single |= entry.key->text == "@type";
  Message& target = is_single ? static_cast<Message&>(*response.add_resources()) : response;
  const std::size_t errors = diagnostics.error_count();
  config::yaml_to_proto(*document, config::Dialect::strict, target, diagnostics);
  if (diagnostics.error_count() != errors) return;
  for (int i = 0; i < response.resources_size(); ++i) {
    const Any& any = response.resources(i);
    const std::string path = is_single ? "" : "resources[" + std::to_string(i) + "]";
    const auto report = [&](std::string text) {
      diagnostics.add({Severity::error, sources.locate(path), path, std::move(text)});
    };
    ResourceType type{};
    if (!type_from_url(any.type_url(), type)) {
      report("type '" + any.type_url() +
             "' is not served: expected a Listener, Cluster, RouteConfiguration or "
             "ClusterLoadAssignment");
      continue;
    }
    const auto message = unpack(any);
    UnknownTypes(sources, diagnostics).check(*message, path);
    std::string name = name_of(type, *message);
    if (name.empty()) {
      report("has no name");
      continue;
    }
    out.emplace_back(
        EnvoyResource{type, std::move(name), make_resource(*message), sources.locate(path)});
  }
}

}  // namespace weir::control
