// SPDX-License-Identifier: Apache-2.0
#include "inject/injection.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "inject/json_text.hpp"
#include "inject/manifest.hpp"
#include "inject/yaml_text.hpp"

namespace weir::inject {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

std::string pod(const std::string& metadata, const std::string& spec) {
  return "apiVersion: v1\nkind: Pod\nmetadata: {name: p, " + metadata + "}\nspec: {" + spec + "}\n";
}

struct Case {
  const char* metadata;
  const char* spec;
  const char* reason;
};

class Refused : public testing::TestWithParam<Case> {};

TEST_P(Refused, WithThePlaceAndTheReason) {
  const auto result = inject_manifest(pod(GetParam().metadata, GetParam().spec), {});
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_THAT(result->text, IsEmpty());
  ASSERT_EQ(result->refusals.size(), 1u);
  EXPECT_THAT(result->refusals[0], HasSubstr("Pod 'p': "));
  EXPECT_THAT(result->refusals[0], HasSubstr(GetParam().reason));
}

constexpr const char* kPlain = "containers: [{name: a}]";
INSTANTIATE_TEST_SUITE_P(
    Pods, Refused,
    testing::Values(
        Case{"", "hostNetwork: true, containers: [{name: a}]",
             "field '/spec/hostNetwork': a Pod in the node's"},
        Case{"", "os: {name: windows}, containers: [{name: a}]", "field '/spec/os/name'"},
        Case{"", "nodeSelector: {kubernetes.io/os: windows}, containers: [{name: a}]", "Windows"},
        Case{"", "containers: [{name: a}, {name: b, securityContext: {runAsUser: 1337}}]",
             "field '/spec/containers/1/securityContext/runAsUser': 1337 is the proxy's user"},
        Case{"", "securityContext: {runAsUser: 1337}, containers: [{name: a}]", "runAsUser': 1337"},
        Case{"", "containers: [{name: a, securityContext: {runAsGroup: 1337}}]",
             "runAsGroup': 1337"},
        Case{"", "containers: [{name: a, ports: [{containerPort: 80}, {containerPort: 15001}]}]",
             "field '/spec/containers/0/ports/1/containerPort': 15001"},
        Case{"", "containers: [{name: a, ports: [{containerPort: 15000}]}]", "15000"},
        Case{"", "containers: [{name: a, ports: [{containerPort: 15006}]}]", "15006"},
        Case{"", "containers: [{name: weir-proxy}]",
             "'weir-proxy' is the name of a container that is to be added"},
        Case{"", "initContainers: [{name: weir-init}], containers: [{name: a}]",
             "/spec/initContainers/0/name"},
        Case{"", "containers: [{name: a}, {name: istio-proxy}]", "another mesh's container"},
        Case{"annotations: {sidecar.istio.io/status: x}", kPlain, "Istio has injected"},
        Case{"annotations: {linkerd.io/proxy-version: x}", kPlain, "linkerd has injected"},
        Case{"annotations: {sidecar.istio.io/inject: maybe}", kPlain,
             "'maybe': expected true or false"},
        Case{"annotations: {weir.io/status: '{}x'}", kPlain, "not what an injection writes"},
        Case{"annotations: {weir.io/status: '{\"containers\":[\"a\"]}'}", kPlain,
             "not what an injection writes"},
        Case{"annotations: {sidecar.istio.io/interceptionMode: NONE}", kPlain,
             "without interception"},
        Case{"annotations: {sidecar.istio.io/userVolume: '{\"v\":{\"emptyDir\":{}}}'}",
             "volumes: [{name: v}], containers: [{name: a}]", "field '/spec/volumes/0/name': 'v'"},
        Case{"annotations: {weir.io/native-sidecar: \"false\"}",
             "restartPolicy: Never, shareProcessNamespace: false, containers: [{name: a}]",
             "/spec/shareProcessNamespace"},
        Case{"annotations: {weir.io/native-sidecar: \"false\"}",
             "restartPolicy: OnFailure, hostPID: true, containers: [{name: a}]", "/spec/hostPID"},
        Case{"", "containers: []", "there is no container"},
        Case{"", "containers: {}", "expected a list"},
        Case{"annotations: []", kPlain, "field '/metadata/annotations': expected a map"}));

TEST(Injection, UdpPortsAndOtherUsersAreNoConflict) {
  const auto result = inject_manifest(
      pod("",
          "securityContext: {runAsUser: 1337}, initContainers: [{name: early}], containers: "
          "[{name: a, "
          "securityContext: {runAsUser: 1000}, ports: [{containerPort: 15001, protocol: UDP}]}]"),
      {});
  ASSERT_TRUE(result);
  EXPECT_THAT(result->refusals, IsEmpty());
}

TEST(Injection, ANativeSidecarComesBeforeAllOthersAndAClassicOneWarns) {
  const std::string text = pod("", "initContainers: [{name: i}], containers: [{name: a}]");
  const auto native = inject_manifest(text, {}, Output::json);
  EXPECT_THAT(native->notes, IsEmpty());
  const auto names = [](const ManifestResult& result, std::string_view list) {
    const Node root = *parse_json(result.text);
    std::vector<std::string> out;
    for (const Node& one : root.find("spec")->find(list)->items)
      out.push_back(one.find("name")->text);
    return out;
  };
  EXPECT_THAT(names(*native, "initContainers"), ElementsAre("weir-init", "weir-proxy", "i"));
  const auto classic = inject_manifest(text, {.native_sidecar = false}, Output::json);
  EXPECT_THAT(names(*classic, "initContainers"), ElementsAre("i", "weir-init"));
  EXPECT_THAT(names(*classic, "containers"), ElementsAre("weir-proxy", "a"));
  EXPECT_THAT(classic->notes, ElementsAre(HasSubstr("init container 'i' runs before the sidecar")));
}

TEST(Injection, UninjectLeavesWhatSomebodyChangedMeanwhile) {
  auto injected = inject_manifest(pod("", kPlain), {});
  std::string text = injected->text;
  const std::string_view mark = "weir.io/status";
  text.replace(text.find(mark), 0, "mine: \"1\", ");
  const auto back = uninject_manifest(text);
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_TRUE(
      same_meaning(*parse_yaml(back->text), *parse_yaml(pod("annotations: {mine: \"1\"}", kPlain))))
      << back->text;
}

TEST(Injection, AJobWithAClassicSidecarEnds) {
  const std::string text =
      "apiVersion: batch/v1\nkind: Job\nmetadata: {name: j}\n"
      "spec: {template: {spec: {restartPolicy: Never, containers: [{name: a}]}}}\n";
  const auto injected = inject_manifest(text, {.native_sidecar = false});
  EXPECT_THAT(injected->text, HasSubstr("shareProcessNamespace: true"));
  EXPECT_THAT(injected->text, HasSubstr("--exit-after-application"));
  EXPECT_THAT(injected->notes, IsEmpty());
  EXPECT_TRUE(
      same_meaning(*parse_yaml(uninject_manifest(injected->text)->text), *parse_yaml(text)));
}

/// The kubelet stops all containers of a Pod together, and starts one again that has ended.
TEST(Injection, AClassicSidecarOutlivesTheApplicationButDoesNotEndWithOneThatIsRestarted) {
  for (const char* fields : {"", "restartPolicy: Always, ", "shareProcessNamespace: true, "}) {
    const std::string text = pod("", std::string(fields) + "containers: [{name: a}]");
    const auto classic = inject_manifest(text, {.native_sidecar = false});
    EXPECT_THAT(classic->text, HasSubstr("--outlive-application"));
    EXPECT_THAT(classic->text, Not(HasSubstr("--exit-after-application")));
    const auto native = inject_manifest(text, {});
    EXPECT_THAT(native->text, Not(HasSubstr("-application")));
  }
}

TEST(Injection, AnApplicationThatIsRestartedWithoutASidecarWarns) {
  const std::string text = pod("", "restartPolicy: OnFailure, containers: [{name: a}]");
  EXPECT_THAT(inject_manifest(text, {.native_sidecar = false})->notes,
              ElementsAre(HasSubstr("'OnFailure': the sidecar ends with the application")));
  EXPECT_THAT(inject_manifest(text, {})->notes, IsEmpty());
}

TEST(Injection, APatchForAnApiServer) {
  const auto patch =
      patch_pod(R"({"metadata":{"name":"p"},"spec":{"containers":[{"name":"a"}]}})", {});
  ASSERT_TRUE(patch) << patch.error().message;
  EXPECT_THAT(patch->patch, HasSubstr(R"({"op":"add","path":"/spec/initContainers","value":[]})"));
  const auto no = patch_pod(
      R"({"metadata":{"labels":{"weir.io/inject":"false"}},"spec":{"containers":[{"name":"a"}]}})",
      {});
  EXPECT_EQ(no->patch, "");
  EXPECT_EQ(no->why, "label 'weir.io/inject' is 'false'");
}

}  // namespace
}  // namespace weir::inject
