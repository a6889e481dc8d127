// SPDX-License-Identifier: Apache-2.0
#include "inject/injection.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "inject/containers.hpp"
#include "inject/json_text.hpp"
#include "inject/settings.hpp"
#include "inject/status.hpp"

namespace weir::inject {
namespace {

constexpr std::string_view kDefaultContainer = "kubectl.kubernetes.io/default-container";

/// The edits of one injection, and the status that takes them back.
class Planner {
 public:
  Planner(const PodFacts& facts, const PodSettings& settings)
      : facts_(facts), settings_(settings), native_(settings.options.native_sidecar) {}

  Result<std::vector<Edit>> plan() {
    containers();
    volumes();
    if (!native_ && facts_.ends() && facts_.share_process_namespace != true) share_processes();
    TRY_VOID(annotations());
    return std::move(edits_);
  }

 private:
  void add(const std::string& path, Node value) {
    edits_.push_back({Edit::Kind::add, path, std::move(value)});
  }

  void make(Presence presence, const std::string& path, Node empty) {
    if (presence == Presence::there) return;
    status_.made[path] = presence;
    add(path, std::move(empty));
  }

  // Native: before all others, which then have the network that the application has. Classic: after
  // them, since nobody serves redirected connections before the containers start.
  void containers() {
    make(facts_.has_init_containers, "/spec/initContainers", Node::list());
    const std::size_t at = native_ ? 0 : facts_.init_containers.size();
    add("/spec/initContainers/" + std::to_string(at), init_container(settings_));
    status_.init_containers.emplace_back(kInitName);
    const std::string list = native_ ? "/spec/initContainers/1" : "/spec/containers/0";
    add(list, proxy_container(facts_, settings_));
    (native_ ? status_.init_containers : status_.containers).emplace_back(kProxyName);
  }

  void volumes() {
    std::vector<Node> wanted = settings_.volumes;
    if (!settings_.options.config_map.empty()) wanted.push_back(config_volume(settings_));
    if (wanted.empty()) return;
    make(facts_.has_volumes, "/spec/volumes", Node::list());
    for (Node& volume : wanted) {
      status_.volumes.push_back(volume.find("name")->text);
      add("/spec/volumes/-", std::move(volume));
    }
  }

  void share_processes() {
    const std::string path = "/spec/shareProcessNamespace";
    status_.set[path] = facts_.has_share_process_namespace;
    add(path, Node::plain("true"));
  }

  Result<void> annotations() {
    make(facts_.has_metadata, "/metadata", Node::map());
    make(facts_.has_annotations, "/metadata/annotations", Node::map());
    const std::string base = "/metadata/annotations";
    // The sidecar is the first container: kubectl logs and exec are to mean the application still.
    if (!native_ && !facts_.annotations.contains(std::string(kDefaultContainer)) &&
        !facts_.containers[0].name.empty()) {
      status_.annotations.emplace_back(kDefaultContainer);
      add(base + pointer_part(kDefaultContainer), Node::string(facts_.containers[0].name));
    }
    TRY(const std::string status, write_status(status_));
    Node text = Node::string(status);
    text.style = Node::Style::single_quoted;
    add(base + pointer_part(kStatusAnnotation), std::move(text));
    return {};
  }

  const PodFacts& facts_;
  const PodSettings& settings_;
  const bool native_;
  Status status_;
  std::vector<Edit> edits_;
};

void warn_about_order(const PodFacts& facts, std::vector<std::string>& warnings) {
  for (const ContainerFacts& container : facts.init_containers)
    warnings.push_back("field '" + container.path + "': init container '" + container.name +
                       "' runs before the sidecar: its connections are not redirected; a native "
                       "sidecar would serve them");
}

void warn_about_ports(const PodFacts& facts, std::vector<std::string>& warnings) {
  constexpr std::array<std::uint16_t, 3> kNotRedirected{15020, 15021, 15090};
  for (const ContainerFacts& container : facts.containers)
    for (const PortFact& port : container.ports)
      if (port.tcp && std::find(kNotRedirected.begin(), kNotRedirected.end(), port.port) !=
                          kNotRedirected.end())
        warnings.push_back("field '" + port.path + "/containerPort': connections to " +
                           std::to_string(port.port) +
                           " are not redirected, as a health port of the sidecar");
}

void warn_about_restarts(const PodFacts& facts, std::vector<std::string>& warnings) {
  if (facts.restart_policy == "OnFailure")
    warnings.push_back(
        "field '/spec/restartPolicy': 'OnFailure': the sidecar ends with the application, which "
        "finds none if it fails and is started again; Never, or a native sidecar, has no such gap");
}

bool changes(const Node& pod, const Node& wanted) { return !same_meaning(pod, wanted); }

}  // namespace

Result<Injection> plan_injection(const PodFacts& facts, const InjectOptions& options) {
  Injection out;
  TRY(const Choice choice, read_choice(facts, options));
  if (!choice.inject) {
    out.why = choice.why;
    return out;
  }
  const std::vector<std::string> refusals = find_refusals(facts, options);
  if (!refusals.empty())
    return Error{refusals[0] + (refusals.size() > 1
                                    ? " (and " + std::to_string(refusals.size() - 1) + " more)"
                                    : "")};
  std::vector<std::string> none;
  const PodSettings settings = read_settings(facts, options, none, out.warnings);
  TRY(out.edits, Planner(facts, settings).plan());
  if (!settings.options.native_sidecar) {
    warn_about_order(facts, out.warnings);
    warn_about_restarts(facts, out.warnings);
  }
  warn_about_ports(facts, out.warnings);
  return out;
}

Result<Injection> plan_pod(const Node& pod, const InjectOptions& options, const std::string& kind,
                           const std::string& name) {
  Node clean = pod;
  TRY(std::vector<Edit> removal, plan_removal(pod));
  TRY_VOID(inject::apply(removal, clean));
  TRY(const PodFacts facts, read_pod_facts(clean, kind, name));
  TRY(Injection injection, plan_injection(facts, options));
  if (injection.edits.empty()) return injection;
  if (removal.empty()) return injection;
  TRY_VOID(inject::apply(injection.edits, clean));
  if (!changes(pod, clean)) {
    injection.edits.clear();
    injection.why = "it is injected already";
    return injection;
  }
  removal.insert(removal.end(), injection.edits.begin(), injection.edits.end());
  injection.edits = std::move(removal);
  return injection;
}

Result<PodPatch> patch_pod(std::string_view pod_json, const InjectOptions& options) {
  TRY(const Node pod, parse_json(pod_json));
  TRY(Injection injection, plan_pod(pod, options));
  PodPatch out{"", std::move(injection.why), std::move(injection.warnings)};
  if (injection.edits.empty()) return out;
  TRY(out.patch, to_json_patch(injection.edits));
  return out;
}

}  // namespace weir::inject
