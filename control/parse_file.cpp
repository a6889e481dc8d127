// SPDX-License-Identifier: Apache-2.0
#include "control/parse_file.hpp"

#include <algorithm>
#include <array>

#include "proxy/config/scalar_values.hpp"

namespace weir::control {
namespace {

using config::Diagnostics;
using config::YamlDocument;
using config::YamlNode;

using Parse = void (*)(ObjectReader&, std::vector<Object>&);

void parse_operator(ObjectReader& root, std::vector<Object>& out) {
  root.ignore({"metadata"});
  root.object("spec", [&](ObjectReader& spec) {
    spec.ignore({"profile", "components", "values", "hub", "tag"});
    parse_mesh_config(spec, out);
  });
}

struct Kind {
  std::string_view name;
  Parse parse;
};
constexpr std::array<Kind, 6> kKinds{{{"ServiceEntry", parse_service_entry},
                                      {"VirtualService", parse_virtual_service},
                                      {"DestinationRule", parse_destination_rule},
                                      {"Service", parse_kubernetes_service},
                                      {"EndpointSlice", parse_endpoint_slice},
                                      {"IstioOperator", parse_operator}}};

void parse_object(ObjectReader& root, std::vector<Object>& out) {
  root.ignore({"apiVersion", "status"});
  const std::string kind = root.text("kind");
  const auto found =
      std::find_if(kKinds.begin(), kKinds.end(), [&](const Kind& one) { return one.name == kind; });
  if (found != kKinds.end()) return found->parse(root, out);
  root.ignore({"metadata", "spec", "data"});
  root.warning("kind", "kind '" + kind + "' has no effect here: not supported");
}

void parse_object_or_list(ObjectReader& root, std::vector<Object>& out) {
  if (root.text("kind") != "List") return parse_object(root, out);
  root.ignore({"apiVersion", "metadata"});
  root.objects("items", [&](ObjectReader& item) { parse_object(item, out); });
}

bool has_field(const YamlNode& node, std::string_view name) {
  return std::any_of(node.entries.begin(), node.entries.end(),
                     [&](const auto& entry) { return entry.key->text == name; });
}

/// A text that is not UTF-8 would make clients refuse every resource beside it.
bool check_encoding(const YamlDocument& document, Diagnostics& diagnostics) {
  for (const YamlNode& node : document.nodes) {
    if (config::is_valid_utf8(node.text)) continue;
    diagnostics.add({config::Severity::error, config::Place{document.file, node.line, node.column},
                     "", "not UTF-8"});
    return false;
  }
  return true;
}

void parse_one(const std::shared_ptr<const YamlDocument>& document, Diagnostics& diagnostics,
               std::vector<Object>& out) {
  const YamlNode& root = *document->root;
  if (has_field(root, "@type") || has_field(root, "resources"))
    return parse_envoy_resources(document, diagnostics, out);
  const ReadContext context{*document, diagnostics};
  ObjectReader reader(context, root, "");
  if (!root.is_object()) return;
  if (has_field(root, "kind"))
    parse_object_or_list(reader, out);
  else if (has_field(root, "meshConfig"))
    parse_mesh_config(reader, out);
  else
    return reader.error(
        "", "what this is cannot be told: expected '@type', 'resources', 'kind' or 'meshConfig'");
  reader.finish();
}

}  // namespace

std::vector<Object> parse_file(const std::string& name, std::string_view text,
                               Diagnostics& diagnostics) {
  std::vector<Object> out;
  for (const auto& document : config::parse_documents(name, text, diagnostics))
    if (check_encoding(*document, diagnostics)) parse_one(document, diagnostics, out);
  return out;
}

void ignore_metadata(ObjectReader& metadata) {
  metadata.ignore({"name", "namespace", "labels", "annotations", "creationTimestamp",
                   "resourceVersion", "uid", "generation", "generateName", "ownerReferences",
                   "managedFields"});
}

ObjectName read_object_name(ObjectReader& root) {
  ObjectName out;
  out.place = root.place();
  root.object("metadata", [&](ObjectReader& metadata) {
    out.name = metadata.text("name");
    if (std::string name_space = metadata.text("namespace"); !name_space.empty())
      out.name_space = std::move(name_space);
    ignore_metadata(metadata);
  });
  if (out.name.empty()) root.error("metadata", "has no name");
  return out;
}

Labels read_labels(ObjectReader& object, std::string_view field) {
  Labels out;
  for (auto& [key, value] : object.text_map(field)) out[std::move(key)] = std::move(value);
  return out;
}

Protocol protocol_of(std::string_view name) {
  std::string word(name.substr(0, name.find('-')));
  std::transform(word.begin(), word.end(), word.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (word == "http") return Protocol::http;
  if (word == "http2" || word == "grpc") return Protocol::http2;
  if (word == "tls" || word == "https") return Protocol::tls;
  return Protocol::tcp;
}

void parse_mesh_config(ObjectReader& holder, std::vector<Object>& out) {
  holder.object("meshConfig", [&](ObjectReader& mesh) {
    MeshConfig config;
    config.place = mesh.place();
    mesh.object("outboundTrafficPolicy", [&](ObjectReader& policy) {
      const std::string mode = policy.text("mode");
      if (mode == "REGISTRY_ONLY")
        config.outbound = OutboundPolicy::registry_only;
      else if (mode != "ALLOW_ANY" && !mode.empty())
        policy.error("mode", "'" + mode + "': expected ALLOW_ANY or REGISTRY_ONLY");
    });
    config.access_log_path = mesh.text("accessLogFile");
    config.access_log_format = mesh.text("accessLogFormat");
    out.emplace_back(std::move(config));
  });
}

}  // namespace weir::control
