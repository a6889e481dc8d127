// SPDX-License-Identifier: Apache-2.0
// What check makes of what it finds.
#include "init/explain/preflight.hpp"

#include <cerrno>

#include <gtest/gtest.h>

#include "cases.hpp"

namespace weir::init {
namespace {

RedirectConfig config_for(const std::vector<std::string>& arguments) {
  return parse(arguments, fake_environment())->config;
}

PreflightFacts healthy() {
  PreflightFacts facts;
  facts.backend = "nftables";
  facts.features = {{"nat", "everything", 0},
                    {"socket", "--hold-until-listening", 0},
                    {"tproxy", "-m TPROXY", 0},
                    {"ct state", "--drop-invalid", 0},
                    {"reject", "--reject-quic", 0}};
  return facts;
}

std::vector<Finding> serious(const PreflightFacts& facts, const RedirectConfig& config = {}) {
  auto findings = judge(facts, config);
  std::erase_if(findings, [](const Finding& f) { return f.level == FindingLevel::ok; });
  return findings;
}

Finding only(const PreflightFacts& facts, const RedirectConfig& config = {}) {
  const auto findings = serious(facts, config);
  EXPECT_EQ(findings.size(), 1u) << preflight_text(findings);
  return findings.empty() ? Finding{} : findings.front();
}

TEST(Preflight, NothingInTheWay) {
  EXPECT_TRUE(serious(healthy()).empty());
  EXPECT_EQ(preflight_code(judge(healthy(), {})), ExitCode::ok);
  EXPECT_NE(preflight_json(judge(healthy(), {})).find("\"ready\": true"), std::string::npos);
}

TEST(Preflight, MissingRights) {
  PreflightFacts facts = healthy();
  facts.surroundings.net_admin = false;
  EXPECT_EQ(only(facts).code, ExitCode::capability);
  facts = healthy();
  facts.surroundings.net_raw = false;
  EXPECT_TRUE(serious(facts).empty());  // nftables does without
  facts.backend = "legacy";
  EXPECT_EQ(only(facts).code, ExitCode::capability);
}

TEST(Preflight, TheMachinesOwnNamespace) {
  PreflightFacts facts = healthy();
  facts.host_evidence = "the one of process 1";
  EXPECT_EQ(only(facts).code, ExitCode::conflict);
  facts.host_allowed = true;
  EXPECT_EQ(only(facts).level, FindingLevel::warning);
}

TEST(Preflight, AMissingFeatureMattersWhereAFlagNeedsIt) {
  const std::vector<std::pair<std::string, std::vector<std::string>>> needs{
      {"tproxy", {"-m", "TPROXY"}},
      {"ct state", {"--drop-invalid"}},
      {"reject", {"--reject-quic"}}};
  for (const auto& [name, flags] : needs) {
    PreflightFacts facts = healthy();
    for (FeatureResult& feature : facts.features)
      if (feature.name == name) feature.code = ENOENT;
    EXPECT_EQ(only(facts).level, FindingLevel::warning) << name;
    EXPECT_EQ(only(facts, config_for(flags)).code, ExitCode::kernel_feature) << name;
  }
  PreflightFacts facts = healthy();
  facts.features[0].code = EOPNOTSUPP;
  EXPECT_EQ(only(facts).code, ExitCode::kernel_feature);
  facts = healthy();
  facts.features[1].code = ENOENT;
  EXPECT_EQ(only(facts).level, FindingLevel::warning);  // an installation leaves it out
}

TEST(Preflight, WhatTheKernelSaysIsPassedOn) {
  PreflightFacts facts = healthy();
  facts.refused_rules = Error{"rule 3 of chain 'output': no", EOPNOTSUPP};
  EXPECT_NE(only(facts).text.find("rule 3 of chain 'output': no"), std::string::npos);
  facts = healthy();
  facts.backend_error = Error{"table 'inet weir' is somebody else's", EBUSY};
  EXPECT_EQ(preflight_code(judge(facts, {})), ExitCode::conflict);
}

TEST(Preflight, OthersThatTranslate) {
  PreflightFacts facts = healthy();
  facts.other_nat = {{"table ip nat, chain OUTPUT", -100}, {"table ip x, chain y", -200}};
  const auto findings = serious(facts);
  ASSERT_EQ(findings.size(), 2u);
  EXPECT_NE(findings[0].text.find("after ours"), std::string::npos);
  EXPECT_NE(findings[1].text.find("before ours"), std::string::npos);
}

TEST(Preflight, WhoRunsAsTheProxy) {
  PreflightFacts facts = healthy();
  facts.processes = {{7, "nginx", 1000, 1000}};
  EXPECT_TRUE(serious(facts).empty());
  facts.processes.push_back({8, "app", 1337, 1000});
  EXPECT_NE(only(facts).text.find("process 8 (app)"), std::string::npos);
  facts = healthy();
  facts.application = 1000;
  EXPECT_TRUE(serious(facts).empty());
  facts.application = 1337;
  EXPECT_EQ(only(facts).level, FindingLevel::problem);
}

TEST(Preflight, WhoListensInTheProxysPlace) {
  PreflightFacts facts = healthy();
  facts.listeners = {{false, *Endpoint::parse("0.0.0.0:15001"), 1337}};
  EXPECT_TRUE(serious(facts, config_for({"-i", "*"})).empty());
  facts.listeners[0].uid = 0;
  EXPECT_NE(only(facts, config_for({"-i", "*"})).text.find("0.0.0.0:15001"), std::string::npos);
}

TEST(Preflight, Ipv6ThatWouldLeak) {
  PreflightFacts facts = healthy();
  facts.ipv6_addresses = {"2001:db8::1"};
  EXPECT_TRUE(serious(facts).empty());
  EXPECT_TRUE(serious(facts, config_for({"--ipv6", "block"})).empty());
  EXPECT_EQ(only(facts, config_for({"--ipv6", "ignore"})).level, FindingLevel::problem);
  facts.listeners = {{false, *Endpoint::parse("0.0.0.0:15001"), 1337}};
  EXPECT_NE(only(facts, config_for({"-i", "*"})).text.find("IPv4 only"), std::string::npos);
}

TEST(Preflight, ReadsProc) {
  const auto process =
      parse_process(7, "Name:\tnginx\nUmask:\t0022\nUid:\t0\t1000\t0\t0\nGid:\t0\t200\t0\t0\n");
  ASSERT_TRUE(process);
  EXPECT_EQ(*process, (ProcessFact{7, "nginx", 1000, 200}));
  EXPECT_FALSE(parse_process(7, "Name:\tx\n"));
  EXPECT_EQ(parse_ipv6_addresses("00000000000000000000000000000001 01 80 10 80       lo\n"
                                 "fe800000000000000000000000000001 02 40 20 80     eth0\n"
                                 "00000000000000000000000000000006 01 80 00 82       lo\n"
                                 "20010db8000100000000000000000010 02 40 00 80     eth0\n"),
            std::vector<std::string>{"2001:db8:1::10"});
}

}  // namespace
}  // namespace weir::init
