// SPDX-License-Identifier: Apache-2.0
#include "inject/settings.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "inject/annotations.hpp"
#include "inject/traffic.hpp"

namespace weir::inject {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct Reading {
  PodSettings settings;
  std::vector<std::string> refusals, warnings;
};

Reading read(const std::map<std::string, std::string>& annotations) {
  PodFacts facts;
  facts.annotations = annotations;
  Reading out;
  out.settings = read_settings(facts, {}, out.refusals, out.warnings);
  return out;
}

TEST(Settings, TrafficAnnotationsBecomeFlags) {
  const auto out =
      read({{"traffic.sidecar.istio.io/includeOutboundIPRanges", "198.51.100.0/24, 2001:db8::/32"},
            {"traffic.sidecar.istio.io/excludeInboundPorts", "8080,"},
            {"traffic.sidecar.istio.io/includeOutboundPorts", "443"},
            {"traffic.sidecar.istio.io/kubevirtInterfaces", "net1,br+"},
            {"sidecar.istio.io/interceptionMode", "TPROXY"}});
  EXPECT_THAT(out.refusals, IsEmpty());
  EXPECT_THAT(init_arguments(out.settings.traffic),
              ElementsAre("-p", "15001", "-z", "15006", "-u", "1337", "-m", "TPROXY", "-i",
                          "198.51.100.0/24,2001:db8::/32", "-x", "", "-b", "*", "-d",
                          "15090,15021,15020,8080", "-q", "443", "-k", "net1,br+"));
}

class BadAnnotation : public testing::TestWithParam<std::array<const char*, 3>> {};

TEST_P(BadAnnotation, IsQuoted) {
  const auto [name, value, reason] = GetParam();
  const auto out = read({{name, value}});
  ASSERT_EQ(out.refusals.size(), 1u);
  EXPECT_THAT(out.refusals[0], HasSubstr("annotation '" + std::string(name) + "': "));
  EXPECT_THAT(out.refusals[0], HasSubstr(reason));
}

INSTANTIATE_TEST_SUITE_P(
    Annotations, BadAnnotation,
    testing::Values(
        std::array{"traffic.sidecar.istio.io/includeInboundPorts", "80,http", "'http'"},
        std::array{"traffic.sidecar.istio.io/excludeInboundPorts", "*", "name the ports"},
        std::array{"traffic.sidecar.istio.io/excludeOutboundPorts", "70000", "'70000'"},
        std::array{"traffic.sidecar.istio.io/excludeOutboundIPRanges", "198.51.100.0/33",
                   "198.51.100.0/33"},
        std::array{"traffic.sidecar.istio.io/excludeInterfaces", "eth0/1", "'eth0/1'"},
        std::array{"sidecar.istio.io/proxyCPU", "much", "'much'"},
        std::array{"sidecar.istio.io/logLevel", "loud", "expected trace"},
        std::array{"proxy.istio.io/config", "concurrency: many", "'many'"},
        std::array{"proxy.istio.io/config", "a: [", "not YAML"},
        std::array{"proxy.istio.io/config", "terminationDrainDuration: soon", "'soon'"}));

TEST(Settings, ProxyConfig) {
  const auto out = read(
      {{"proxy.istio.io/config",
        "holdApplicationUntilProxyStarts: false\nterminationDrainDuration: 1m30s\nconcurrency: 2\n"
        "tracing: {}\n"}});
  EXPECT_FALSE(out.settings.hold_application);
  EXPECT_EQ(out.settings.options.termination_drain_s, 90u);
  EXPECT_EQ(out.settings.concurrency, 2u);
  EXPECT_THAT(out.warnings, ElementsAre(HasSubstr("'tracing' has no effect")));
}

TEST(Settings, WhatIsNotTakenIsNamed) {
  const auto out = read({{"sidecar.istio.io/bootstrapOverride", "x"}, {"example.com/other", "x"}});
  EXPECT_THAT(
      out.warnings,
      ElementsAre("annotation 'sidecar.istio.io/bootstrapOverride': has no effect with Weir"));
}

TEST(Settings, WholeSeconds) {
  EXPECT_EQ(*whole_seconds("1500ms"), 2u);
  EXPECT_EQ(*whole_seconds("0"), 0u);
  EXPECT_FALSE(whole_seconds("5"));
  EXPECT_FALSE(whole_seconds("-5s"));
  EXPECT_FALSE(whole_seconds("1000h"));
}

}  // namespace
}  // namespace weir::inject
