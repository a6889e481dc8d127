// SPDX-License-Identifier: Apache-2.0
#include "inject/pod_facts.hpp"

#include <charconv>

namespace weir::inject {
namespace {

Error field_error(std::string_view path, std::string_view reason) {
  return Error{"field '" + std::string(path) + "': " + std::string(reason)};
}

Presence presence(const Node* node) {
  if (node == nullptr) return Presence::absent;
  return node->is_null() ? Presence::null : Presence::there;
}

// nullptr for what is absent or null, which mean the same.
Result<const Node*> member(const Node* parent, std::string_view key, Node::Kind kind,
                           std::string_view path) {
  const Node* node = parent == nullptr ? nullptr : parent->find(key);
  if (presence(node) != Presence::there) return nullptr;
  if (node->kind == kind) return node;
  constexpr std::string_view kNames[] = {"a scalar", "a list", "a map", "an alias"};
  return field_error(path, "expected " + std::string(kNames[static_cast<std::size_t>(kind)]));
}

std::string text_of(const Node* parent, std::string_view key) {
  const Node* node = parent == nullptr ? nullptr : parent->find(key);
  return node == nullptr || !node->is_scalar() || node->is_null() ? std::string() : node->text;
}

std::optional<std::int64_t> number_of(const Node* parent, std::string_view key) {
  const std::string text = text_of(parent, key);
  std::int64_t number = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (ec != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

bool is_set(const Node* parent, std::string_view key) {
  const Node* node = parent == nullptr ? nullptr : parent->find(key);
  return node != nullptr && node->is_true();
}

Result<std::map<std::string, std::string>> texts_of(const Node* parent, std::string_view key,
                                                    std::string_view path) {
  std::map<std::string, std::string> out;
  TRY(const Node* map, member(parent, key, Node::Kind::map, path));
  if (map == nullptr) return out;
  for (const auto& [name, value] : map->entries)
    if (name.is_scalar() && value.is_scalar()) out[name.text] = value.text;
  return out;
}

Result<std::vector<PortFact>> read_ports(const Node& container, const std::string& path) {
  std::vector<PortFact> out;
  TRY(const Node* ports, member(&container, "ports", Node::Kind::list, path + "/ports"));
  if (ports == nullptr) return out;
  for (std::size_t i = 0; i < ports->items.size(); ++i) {
    const auto number = number_of(&ports->items[i], "containerPort");
    if (!number || *number < 1 || *number > 65535) continue;  // Kubernetes says what is wrong
    const std::string protocol = text_of(&ports->items[i], "protocol");
    out.push_back({path + "/ports/" + std::to_string(i), static_cast<std::uint16_t>(*number),
                   protocol.empty() || protocol == "TCP"});
  }
  return out;
}

Result<std::vector<ContainerFacts>> read_containers(const Node* spec, const std::string& list,
                                                    const Node* pod_security) {
  std::vector<ContainerFacts> out;
  const std::string base = "/spec/" + list;
  TRY(const Node* containers, member(spec, list, Node::Kind::list, base));
  if (containers == nullptr) return out;
  for (std::size_t i = 0; i < containers->items.size(); ++i) {
    const Node& container = containers->items[i];
    ContainerFacts facts;
    facts.path = base + "/" + std::to_string(i);
    if (!container.is_map()) return field_error(facts.path, "expected a map");
    facts.name = text_of(&container, "name");
    TRY(facts.ports, read_ports(container, facts.path));
    const Node* security = container.find("securityContext");
    facts.run_as_user = number_of(security, "runAsUser");
    if (!facts.run_as_user) facts.run_as_user = number_of(pod_security, "runAsUser");
    facts.run_as_group = number_of(security, "runAsGroup");
    if (!facts.run_as_group) facts.run_as_group = number_of(pod_security, "runAsGroup");
    facts.restart_policy = text_of(&container, "restartPolicy");
    out.push_back(std::move(facts));
  }
  return out;
}

Result<std::vector<std::string>> read_volumes(const Node* spec) {
  std::vector<std::string> out;
  TRY(const Node* volumes, member(spec, "volumes", Node::Kind::list, "/spec/volumes"));
  if (volumes == nullptr) return out;
  for (const Node& volume : volumes->items) out.push_back(text_of(&volume, "name"));
  return out;
}

void read_spec(const Node& spec, PodFacts& facts) {
  facts.restart_policy = text_of(&spec, "restartPolicy");
  facts.service_account = text_of(&spec, "serviceAccountName");
  facts.os_name = text_of(spec.find("os"), "name");
  if (facts.os_name.empty()) facts.os_name = text_of(spec.find("nodeSelector"), "kubernetes.io/os");
  facts.host_network = is_set(&spec, "hostNetwork");
  facts.host_pid = is_set(&spec, "hostPID");
  const Node* share = spec.find("shareProcessNamespace");
  facts.has_share_process_namespace = presence(share);
  if (facts.has_share_process_namespace == Presence::there)
    facts.share_process_namespace = share->is_true();
}

}  // namespace

bool PodFacts::ends() const {
  return kind == "Job" || kind == "CronJob" || restart_policy == "OnFailure" ||
         restart_policy == "Never";
}

Result<PodFacts> read_pod_facts(const Node& pod, const std::string& kind, const std::string& name) {
  PodFacts facts;
  facts.kind = kind;
  facts.name = name;
  if (!pod.is_map()) return field_error("", "a Pod is expected to be a map");
  TRY(const Node* metadata, member(&pod, "metadata", Node::Kind::map, "/metadata"));
  facts.has_metadata = presence(pod.find("metadata"));
  TRY(facts.labels, texts_of(metadata, "labels", "/metadata/labels"));
  TRY(facts.annotations, texts_of(metadata, "annotations", "/metadata/annotations"));
  if (metadata != nullptr) facts.has_annotations = presence(metadata->find("annotations"));
  if (facts.name.empty()) facts.name = text_of(metadata, "name");
  if (facts.name.empty()) facts.name = text_of(metadata, "generateName");
  TRY(const Node* spec, member(&pod, "spec", Node::Kind::map, "/spec"));
  if (spec == nullptr) return field_error("/spec", "not there");
  TRY(const Node* security,
      member(spec, "securityContext", Node::Kind::map, "/spec/securityContext"));
  TRY(facts.init_containers, read_containers(spec, "initContainers", security));
  TRY(facts.containers, read_containers(spec, "containers", security));
  if (facts.containers.empty()) return field_error("/spec/containers", "there is no container");
  TRY(facts.volumes, read_volumes(spec));
  facts.has_init_containers = presence(spec->find("initContainers"));
  facts.has_volumes = presence(spec->find("volumes"));
  read_spec(*spec, facts);
  return facts;
}

}  // namespace weir::inject
