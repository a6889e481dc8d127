// SPDX-License-Identifier: Apache-2.0
#include "inject/containers.hpp"

#include <utility>

#include "common/ip.hpp"
#include "common/port_set.hpp"
#include "inject/injection.hpp"
#include "inject/traffic.hpp"

namespace weir::inject {
namespace {

void put(Node& map, std::string_view key, Node value) {
  map.entries.push_back({Node::string(key), std::move(value)});
}

void put(Node& map, std::string_view key, const std::string& text) {
  put(map, key, Node::string(text));
}

void put_if_said(Node& map, std::string_view key, const std::string& text) {
  if (!text.empty()) put(map, key, text);
}

Node words(const std::vector<std::string>& texts) {
  Node list = Node::list();
  for (const std::string& text : texts) list.items.push_back(Node::string(text));
  return list;
}

Node boolean(bool value) { return Node::plain(value ? "true" : "false"); }

Node capabilities(bool net_admin) {
  Node out = Node::map();
  if (net_admin) put(out, "add", words({"NET_ADMIN"}));
  put(out, "drop", words({"ALL"}));
  return out;
}

Node security_context(unsigned user, unsigned group, bool net_admin) {
  Node out = Node::map();
  put(out, "allowPrivilegeEscalation", boolean(false));
  put(out, "privileged", boolean(false));
  put(out, "readOnlyRootFilesystem", boolean(true));
  put(out, "runAsNonRoot", boolean(user != 0));
  put(out, "runAsUser", Node::plain(std::to_string(user)));
  put(out, "runAsGroup", Node::plain(std::to_string(group)));
  put(out, "capabilities", capabilities(net_admin));
  Node profile = Node::map();
  put(profile, "type", std::string("RuntimeDefault"));
  put(out, "seccompProfile", std::move(profile));
  return out;
}

Node resources(const std::string& cpu, const std::string& memory, const std::string& cpu_limit,
               const std::string& memory_limit) {
  Node requests = Node::map();
  put_if_said(requests, "cpu", cpu);
  put_if_said(requests, "memory", memory);
  Node limits = Node::map();
  put_if_said(limits, "cpu", cpu_limit);
  put_if_said(limits, "memory", memory_limit);
  Node out = Node::map();
  if (!requests.entries.empty()) put(out, "requests", std::move(requests));
  if (!limits.entries.empty()) put(out, "limits", std::move(limits));
  return out;
}

Node executed(const std::vector<std::string>& command) {
  Node exec = Node::map();
  put(exec, "command", words(command));
  Node out = Node::map();
  put(out, "exec", std::move(exec));
  return out;
}

Node probe(const char* period, const char* failures) {
  Node out = executed({"weirctl", "wait", "--timeout", "1s"});
  put(out, "periodSeconds", Node::plain(period));
  put(out, "timeoutSeconds", Node::plain("3"));
  put(out, "failureThreshold", Node::plain(failures));
  return out;
}

/// A native sidecar gets its SIGTERM after the application has ended; its hook runs when the Pod
/// begins to end.
Node lifecycle(const PodSettings& settings) {
  Node out = Node::map();
  if (settings.options.native_sidecar)
    put(out, "preStop", executed({"weirctl", "drain"}));
  else if (settings.hold_application)
    put(out, "postStart", executed({"weirctl", "wait"}));
  return out;
}

Node field_variable(std::string_view name, std::string_view field) {
  Node reference = Node::map();
  put(reference, "fieldPath", std::string(field));
  Node source = Node::map();
  put(source, "fieldRef", std::move(reference));
  Node out = Node::map();
  put(out, "name", std::string(name));
  put(out, "valueFrom", std::move(source));
  return out;
}

Node variables(const PodSettings& settings) {
  Node out = Node::list();
  if (!settings.options.control.empty()) {
    out.items.push_back(field_variable("POD_NAME", "metadata.name"));
    out.items.push_back(field_variable("POD_NAMESPACE", "metadata.namespace"));
    out.items.push_back(field_variable("POD_IP", "status.podIP"));
  }
  if (settings.traffic.tproxy) {
    Node mode = Node::map();
    put(mode, "name", std::string("ISTIO_META_INTERCEPTION_MODE"));
    put(mode, "value", std::string("TPROXY"));
    out.items.push_back(std::move(mode));
  }
  return out;
}

std::string service_of(const PodFacts& facts) {
  for (const char* label : {"app.kubernetes.io/name", "app"}) {
    const auto found = facts.labels.find(label);
    if (found != facts.labels.end() && !found->second.empty()) return found->second;
  }
  return facts.name.empty() ? "weir-proxy" : facts.name;
}

std::vector<std::string> proxy_arguments(const PodFacts& facts, const PodSettings& settings) {
  const InjectOptions& options = settings.options;
  std::vector<std::string> out{"--take-over", "--termination-drain-s",
                               std::to_string(options.termination_drain_s)};
  // Kubernetes ends a native one after the application, and all the others together.
  if (!options.native_sidecar)
    out.emplace_back(facts.ends() ? "--exit-after-application" : "--outlive-application");
  const auto given = [&](const char* flag, const std::string& value) {
    if (value.empty()) return;
    out.emplace_back(flag);
    out.push_back(value);
  };
  given("--log-level", options.log_level);
  if (settings.concurrency) given("--concurrency", std::to_string(*settings.concurrency));
  if (options.control.empty()) return out;
  given("--service-cluster", service_of(facts));
  given("--service-node",
        "sidecar~$(POD_IP)~$(POD_NAME).$(POD_NAMESPACE)~$(POD_NAMESPACE).svc.cluster.local");
  given("--config-yaml", control_bootstrap(options.control));
  return out;
}

void put_mounts(Node& container, const PodSettings& settings) {
  Node mounts = Node::list(settings.mounts);
  if (!settings.options.config_map.empty()) {
    Node mount = Node::map();
    put(mount, "name", std::string(kConfigVolume));
    put(mount, "mountPath", std::string("/etc/envoy"));
    put(mount, "readOnly", boolean(true));
    mounts.items.insert(mounts.items.begin(), std::move(mount));
  }
  if (!mounts.items.empty()) put(container, "volumeMounts", std::move(mounts));
}

}  // namespace

Node init_container(const PodSettings& settings) {
  Node out = Node::map();
  put(out, "name", std::string(kInitName));
  put(out, "image", settings.options.init_image);
  put_if_said(out, "imagePullPolicy", settings.options.image_pull_policy);
  put(out, "args", words(init_arguments(settings.traffic)));
  put(out, "resources", resources("10m", "16Mi", "", "64Mi"));
  put(out, "securityContext", security_context(0, 0, true));
  return out;
}

Node proxy_container(const PodFacts& facts, const PodSettings& settings) {
  const InjectOptions& options = settings.options;
  Node out = Node::map();
  put(out, "name", std::string(kProxyName));
  put(out, "image", options.proxy_image);
  put_if_said(out, "imagePullPolicy", options.image_pull_policy);
  put(out, "args", words(proxy_arguments(facts, settings)));
  if (Node env = variables(settings); !env.items.empty()) put(out, "env", std::move(env));
  if (options.native_sidecar) put(out, "restartPolicy", std::string("Always"));
  if (options.native_sidecar && settings.hold_application)
    put(out, "startupProbe", probe("1", "600"));
  put(out, "readinessProbe", probe("15", "4"));
  if (Node hooks = lifecycle(settings); !hooks.entries.empty())
    put(out, "lifecycle", std::move(hooks));
  if (Node asked = resources(options.proxy_cpu, options.proxy_memory, options.proxy_cpu_limit,
                             options.proxy_memory_limit);
      !asked.entries.empty())
    put(out, "resources", std::move(asked));
  // Sockets that show a client's address need a capability, and only root gets one from `add`.
  const bool tproxy = settings.traffic.tproxy;
  put(out, "securityContext", security_context(tproxy ? 0 : kProxyUid, kProxyUid, tproxy));
  put_mounts(out, settings);
  return out;
}

Node config_volume(const PodSettings& settings) {
  Node source = Node::map();
  put(source, "name", settings.options.config_map);
  Node out = Node::map();
  put(out, "name", std::string(kConfigVolume));
  put(out, "configMap", std::move(source));
  return out;
}

bool is_host_and_port(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos || colon == 0) return false;
  const std::string host = text.substr(0, colon);
  if (!PortRange::parse(text.substr(colon + 1)) || text.find('-', colon) != std::string::npos)
    return false;
  if (host.starts_with('[')) return static_cast<bool>(Endpoint::parse(text));
  return host.find_first_not_of(
             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") ==
         std::string::npos;
}

std::string control_bootstrap(const std::string& control) {
  const std::size_t colon = control.rfind(':');
  std::string host = control.substr(0, colon);
  const bool address = host.starts_with('[') || IpAddress::parse(host);
  if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
  return R"(admin:
  address: { socket_address: { address: 127.0.0.1, port_value: 15000 } }
dynamic_resources:
  ads_config:
    api_type: GRPC
    transport_api_version: V3
    grpc_services: [{ envoy_grpc: { cluster_name: weir-control } }]
  cds_config: { ads: {}, resource_api_version: V3 }
  lds_config: { ads: {}, resource_api_version: V3 }
static_resources:
  clusters:
    - name: weir-control
      type: )" +
         std::string(address ? "STATIC" : "STRICT_DNS") + R"(
      connect_timeout: 1s
      typed_extension_protocol_options:
        envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
          "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
          explicit_http_config: { http2_protocol_options: {} }
      load_assignment:
        cluster_name: weir-control
        endpoints:
          - lb_endpoints:
              - endpoint: { address: { socket_address: { address: ")" +
         host + "\", port_value: " + control.substr(colon + 1) + " } } }\n";
}

}  // namespace weir::inject
