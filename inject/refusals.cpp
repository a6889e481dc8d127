// SPDX-License-Identifier: Apache-2.0
// Why a Pod cannot be injected.
#include <algorithm>
#include <array>

#include "inject/containers.hpp"
#include "inject/injection.hpp"
#include "inject/settings.hpp"

namespace weir::inject {
namespace {

constexpr std::string_view kLeaveAlone =
    "; label the Pod sidecar.istio.io/inject: \"false\" to leave it as it is";

class Refusals {
 public:
  Refusals(const PodFacts& facts, const PodSettings& settings)
      : facts_(facts), settings_(settings) {}

  std::vector<std::string> find() {
    whole_pod();
    other_sidecars();
    for (const ContainerFacts& container : facts_.containers) workload(container);
    for (const ContainerFacts& container : facts_.init_containers) {
      names(container);
      if (container.restart_policy == "Always") workload(container);
    }
    volumes();
    ending();
    return std::move(out_);
  }

 private:
  void refuse(std::string_view path, std::string_view reason) {
    out_.push_back("field '" + std::string(path) + "': " + std::string(reason));
  }

  void whole_pod() {
    if (facts_.host_network)
      refuse("/spec/hostNetwork",
             "a Pod in the node's network namespace: rules there would redirect the node's own "
             "traffic" +
                 std::string(kLeaveAlone));
    if (facts_.os_name == "windows")
      refuse("/spec/os/name",
             "a Pod for Windows, which has no netfilter" + std::string(kLeaveAlone));
    const InjectOptions& options = settings_.options;
    if (!options.control.empty() && !is_host_and_port(options.control))
      out_.push_back("control '" + options.control + "': expected HOST:PORT");
    if (!options.control.empty() && !options.config_map.empty())
      out_.push_back(
          "control '" + options.control +
          "': the configuration comes from a control plane or from a ConfigMap, not from both");
  }

  void other_sidecars() {
    struct Other {
      std::string_view annotation, whose;
    };
    constexpr Other kOthers[] = {{"sidecar.istio.io/status", "Istio"},
                                 {"linkerd.io/proxy-version", "linkerd"},
                                 {"kuma.io/sidecar-injected", "Kuma"},
                                 {"consul.hashicorp.com/connect-inject-status", "Consul"}};
    for (const Other& other : kOthers)
      if (facts_.annotations.contains(std::string(other.annotation)))
        out_.push_back("annotation '" + std::string(other.annotation) +
                       "': " + std::string(other.whose) +
                       " has injected this Pod already; take its sidecar out, or inject what it "
                       "was made from");
    constexpr std::array kNames{"istio-proxy",   "istio-init",      "istio-validation",
                                "linkerd-proxy", "linkerd-init",    "kuma-sidecar",
                                "kuma-init",     "consul-dataplane"};
    const auto check = [&](const ContainerFacts& container) {
      if (std::find(kNames.begin(), kNames.end(), container.name) != kNames.end())
        refuse(container.path + "/name", "'" + container.name +
                                             "' is another mesh's container; two sidecars cannot "
                                             "redirect the same connections: take it out");
    };
    std::for_each(facts_.containers.begin(), facts_.containers.end(), check);
    std::for_each(facts_.init_containers.begin(), facts_.init_containers.end(), check);
  }

  void names(const ContainerFacts& container) {
    if (container.name == kInitName || container.name == kProxyName)
      refuse(container.path + "/name",
             "'" + container.name +
                 "' is the name of a container that is to be added; give this one another name");
  }

  void workload(const ContainerFacts& container) {
    if (container.restart_policy != "Always") names(container);
    if (container.run_as_user == kProxyUid)
      refuse(container.path + "/securityContext/runAsUser",
             "1337 is the proxy's user, whose connections are not redirected; run the application "
             "as another one");
    if (container.run_as_group == kProxyUid)
      refuse(container.path + "/securityContext/runAsGroup",
             "1337 is the proxy's group, whose connections are not redirected; run the application "
             "in another one");
    for (const PortFact& port : container.ports) {
      constexpr std::array kTaken{kAdminPort, kOutboundPort, kInboundPort};
      if (port.tcp && std::find(kTaken.begin(), kTaken.end(), port.port) != kTaken.end())
        refuse(port.path + "/containerPort",
               std::to_string(port.port) + " is a port that the proxy listens on; use another one");
    }
  }

  void volumes() {
    std::vector<std::string> wanted;
    for (const Node& volume : settings_.volumes) wanted.push_back(volume.find("name")->text);
    if (!settings_.options.config_map.empty()) wanted.emplace_back(kConfigVolume);
    for (std::size_t i = 0; i < facts_.volumes.size(); ++i)
      if (std::find(wanted.begin(), wanted.end(), facts_.volumes[i]) != wanted.end())
        refuse("/spec/volumes/" + std::to_string(i) + "/name",
               "'" + facts_.volumes[i] +
                   "' is the name of a volume that is to be added; give this one another name");
  }

  // A container that stays keeps a Job from ending: the sidecar must see the application end.
  void ending() {
    if (settings_.options.native_sidecar || !facts_.ends()) return;
    constexpr std::string_view kRemedy = "; use a native sidecar (Kubernetes 1.29 or later)";
    if (facts_.share_process_namespace == false)
      refuse("/spec/shareProcessNamespace",
             "false, but a sidecar among the containers must see the application end, or the Pod "
             "never does" +
                 std::string(kRemedy) + ", or leave the field out");
    if (facts_.host_pid)
      refuse("/spec/hostPID",
             "a sidecar among the containers needs shareProcessNamespace, which excludes hostPID" +
                 std::string(kRemedy));
  }

  const PodFacts& facts_;
  const PodSettings& settings_;
  std::vector<std::string> out_;
};

}  // namespace

std::vector<std::string> find_refusals(const PodFacts& facts, const InjectOptions& options) {
  std::vector<std::string> out, warnings;
  const PodSettings settings = read_settings(facts, options, out, warnings);
  std::vector<std::string> more = Refusals(facts, settings).find();
  out.insert(out.end(), more.begin(), more.end());
  return out;
}

}  // namespace weir::inject
