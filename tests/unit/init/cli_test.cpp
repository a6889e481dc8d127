// SPDX-License-Identifier: Apache-2.0
#include "init/cli/cli.hpp"

#include <gtest/gtest.h>

#include "cases.hpp"
#include "init/install/legacy_iptables.hpp"
#include "init/manual/help.hpp"

namespace weir::init {
namespace {

using Arguments = std::vector<std::string>;
using Variables = std::vector<std::pair<std::string, std::string>>;

Options accepted(const Arguments& arguments, const Environment& environment = fake_environment()) {
  auto options = parse(arguments, environment);
  EXPECT_TRUE(options) << options.error().message;
  return options ? *options : Options{};
}

std::string refused(const Arguments& arguments,
                    const Environment& environment = fake_environment()) {
  const auto options = parse(arguments, environment);
  EXPECT_FALSE(options) << "accepted";
  return options ? "" : options.error().message;
}

std::string refused_variable(const std::string& name, const std::string& value) {
  return refused({}, fake_environment({{name, value}}));
}

PortSet ports(std::string_view text) { return *PortSet::parse(text); }

TEST(Cli, NothingGivenIsIstiosDefault) {
  const Options options = accepted({});
  EXPECT_EQ(options.config, RedirectConfig{});
  EXPECT_FALSE(options.dry_run || options.cleanup_only || options.skip_rule_apply);
}

TEST(Cli, ReadsWhatTheInjectorPasses) {
  const Options options =
      accepted({"-p", "15001", "-z", "15006", "-u", "1337", "-m", "REDIRECT", "-i", "*", "-x", "",
                "-b", "*", "-d", "15090,15021,15020", "--log_output_level=default:info",
                "--force-apply", "--native-nftables"});
  EXPECT_TRUE(options.config.outbound_cidrs.all);
  EXPECT_TRUE(options.config.outbound_excluded_cidrs.empty());
  EXPECT_TRUE(options.config.inbound_ports.is_all());
  EXPECT_EQ(options.config.inbound_excluded_ports, ports("15090,15021,15020"));
}

TEST(Cli, SpellingsOfAValueMeanTheSame) {
  for (const Arguments& arguments :
       {Arguments{"--istio-inbound-ports", "80"}, Arguments{"--istio-inbound-ports=80"},
        Arguments{"-b", "80"}, Arguments{"-b80"}, Arguments{"-b=80"}, Arguments{"-nb", "80"},
        Arguments{"-nb80"}, Arguments{"-b", "90", "-b", "80"}})
    EXPECT_EQ(accepted(arguments).config.inbound_ports, ports("80")) << arguments[0];
}

TEST(Cli, AnEmptyValueDoesNotSwallowTheNextFlag) {
  for (const Arguments& arguments : {Arguments{"-x", "", "-b", "*"}, Arguments{"-x=", "-b", "*"},
                                     Arguments{"--istio-service-exclude-cidr=", "-b", "*"}})
    EXPECT_TRUE(accepted(arguments).config.inbound_ports.is_all()) << arguments[0];
}

TEST(Cli, BooleansAreGos) {
  for (const char* yes :
       {"--dry-run", "--dry-run=true", "--dry-run=1", "--dry-run=T", "-n", "-n=TRUE"})
    EXPECT_TRUE(accepted({yes}).dry_run) << yes;
  for (const char* no : {"--dry-run=false", "--dry-run=0", "-n=F"})
    EXPECT_FALSE(accepted({no}).dry_run) << no;
  EXPECT_EQ(refused({"--dry-run=yes"}), "--dry-run: 'yes': neither true nor false");
  EXPECT_EQ(refused({"--dry-run", "false"}),
            "argument 'false': not expected; see weir-init --help");
}

TEST(Cli, UnknownAndIncompleteFlagsAreNamed) {
  EXPECT_EQ(refused({"--foo"}), "flag '--foo': unknown; see weir-init --help");
  EXPECT_EQ(refused({"--foo=1"}), "flag '--foo': unknown; see weir-init --help");
  EXPECT_EQ(refused({"-nQ"}), "flag '-Q': unknown (in '-nQ'); see weir-init --help");
  EXPECT_EQ(refused({"-i"}), "flag '-i': needs a value");
  EXPECT_EQ(refused({"-n", "extra"}), "argument 'extra': not expected; see weir-init --help");
}

TEST(Cli, TheCommandLineWinsOverTheEnvironment) {
  const auto environment =
      fake_environment({{"ISTIO_INBOUND_PORTS", "90"}, {"ISTIO_OUTBOUND_PORTS", "91"}});
  const Options options = accepted({"-b", "80"}, environment);
  EXPECT_EQ(options.config.inbound_ports, ports("80"));
  EXPECT_EQ(options.config.outbound_ports, ports("91"));
}

TEST(Cli, EveryVariableOfTheTableIsRead) {
  const Options options =
      accepted({}, fake_environment({{"INBOUND_CAPTURE_PORT", "1"},
                                     {"INBOUND_TUNNEL_PORT", "2"},
                                     {"PROXY_UID", "3"},
                                     {"PROXY_GID", "4"},
                                     {"ISTIO_INBOUND_PORTS", "*"},
                                     {"ISTIO_LOCAL_EXCLUDE_PORTS", "5"},
                                     {"ISTIO_EXCLUDE_INTERFACES", "eth6"},
                                     {"ISTIO_SERVICE_CIDR", "10.0.0.0/8"},
                                     {"ISTIO_SERVICE_EXCLUDE_CIDR", "10.1.0.0/16"},
                                     {"ISTIO_OUTBOUND_PORTS", "7"},
                                     {"ISTIO_LOCAL_OUTBOUND_PORTS_EXCLUDE", "8"},
                                     {"KUBE_VIRT_INTERFACES", "tap9"},
                                     {"ISTIO_OUTBOUND_IPV4_LOOPBACK_CIDR", "127.0.0.0/16"},
                                     {"DRY_RUN", "true"},
                                     {"DRY_RUN_FILE_PATH", "/x"}}));
  RedirectConfig expected;
  expected.inbound_port = 1;
  expected.tunnel_port = 2;
  expected.proxy_uids = {3};
  expected.proxy_gids = {4};
  expected.inbound_ports = PortSet::all();
  expected.inbound_excluded_ports = ports("5");
  expected.excluded_interfaces = {{"eth6", false}};
  expected.outbound_cidrs.ranges = {*CidrRange::parse("10.0.0.0/8")};
  expected.outbound_excluded_cidrs = {*CidrRange::parse("10.1.0.0/16")};
  expected.outbound_ports = ports("7");
  expected.outbound_excluded_ports = ports("8");
  expected.virtual_interfaces = {{"tap9", false}};
  expected.loopback_v4 = *CidrRange::parse("127.0.0.0/16");
  EXPECT_EQ(options.config, expected);
  EXPECT_TRUE(options.dry_run);
  EXPECT_EQ(options.dry_run_file, "/x");
  // -p has no variable, as in istio-iptables.
  EXPECT_EQ(accepted({}, fake_environment({{"ENVOY_PORT", "9"}})).config.outbound_port, 15001);
}

TEST(Cli, AMalformedVariableIsAnErrorThatQuotesIt) {
  EXPECT_EQ(refused_variable("DRY_RUN", "maybe"),
            "environment variable DRY_RUN: 'maybe': neither true nor false");
  EXPECT_EQ(refused_variable("INBOUND_CAPTURE_PORT", "70000"),
            "environment variable INBOUND_CAPTURE_PORT: '70000': not a port from 1 to 65535");
  EXPECT_EQ(refused_variable("DUAL_STACK", "both"),
            "environment variable DUAL_STACK: 'both': neither true nor false");
}

TEST(Cli, AnEmptyVariableIsNotSetExceptForOwnerGroups) {
  EXPECT_EQ(accepted({}, fake_environment({{"DRY_RUN", ""}, {"INBOUND_CAPTURE_PORT", ""}})).config,
            RedirectConfig{});
  EXPECT_FALSE(accepted({}, fake_environment({{"ISTIO_OUTBOUND_OWNER_GROUPS", ""}}))
                   .config.owner_groups.all);
}

TEST(Cli, ErrorsInListsHaveAPosition) {
  EXPECT_EQ(refused({"-x", "192.0.2.0/24,10.0.0.0/33"}),
            "-x: item 2: '10.0.0.0/33': prefix length '33': not a number from 0 to 32");
  EXPECT_EQ(refused({"-i", "192.0.2.0/24, 2001:db8::/32 ,300.0.0.1"}),
            "-i: item 3: '300.0.0.1': '300.0.0.1' is not an IPv4 or IPv6 address");
  EXPECT_EQ(refused({"-b", "80,90-80"}), "-b: item 2: '90-80': the range runs backwards");
  EXPECT_EQ(refused({"-b", "80,http"}),
            "-b: item 2: 'http': not a port from 1 to 65535 or a range FIRST-LAST");
  EXPECT_EQ(refused({"-d", "0"}),
            "-d: item 1: '0': not a port from 1 to 65535 or a range FIRST-LAST");
  EXPECT_EQ(refused({"-u", "1337,nobody-here"}),
            "-u: item 2: 'nobody-here': neither a number nor a name in /etc/passwd");
  EXPECT_EQ(
      refused({"-c", "eth0,a/b"}),
      "-c: item 2: 'a/b': not an interface name (1 to 15 characters, '+' at the end for a prefix)");
  EXPECT_EQ(refused({"-k", "an-interface-with-a-long-name"}),
            "-k: item 1: 'an-interface-with-a-long-name': not an interface name (1 to 15 "
            "characters, '+' at the end "
            "for a prefix)");
  EXPECT_EQ(refused({"-p", "http"}), "-p: 'http': not a port from 1 to 65535");
}

TEST(Cli, AStarStandsAloneAndOnlyWhereItMeansSomething) {
  EXPECT_EQ(refused({"-i", "10.0.0.0/8,*"}), "-i: item 2: '*': stands alone, not in a list");
  EXPECT_EQ(refused({"-b", "*,80"}), "-b: item 1: '*': stands alone, not in a list");
  EXPECT_EQ(refused({"-x", "*"}), "-x: item 1: '*': not allowed here: name the prefixes");
  for (const char* flag : {"-d", "-o", "-q"})
    EXPECT_EQ(refused({flag, "*"}),
              std::string(flag) + ": item 1: '*': not allowed here: name the ports");
}

TEST(Cli, StrayCommasAndBlanksInListsAreHarmless) {
  EXPECT_EQ(accepted({"-d", " 15090,,15021 ,"}).config.inbound_excluded_ports,
            ports("15090,15021"));
}

TEST(Cli, PortRangesMayBeWrittenAsIptablesDoes) {
  EXPECT_EQ(accepted({"-b", "8000:8010"}).config.inbound_ports, ports("8000-8010"));
}

TEST(Cli, ListsMayComeFromAFile) {
  const auto environment =
      fake_environment({}, {{"/cidrs", "# head\n10.0.0.0/8 192.0.2.0/24,\n\n2001:db8::/32 # tail"},
                            {"/bad", "10.0.0.0/8\n\n# x\n10.0.0.0/8, nonsense\n"},
                            {"/ports", "80\n81"}});
  EXPECT_EQ(accepted({"-x", "@/cidrs"}, environment).config.outbound_excluded_cidrs.size(), 3u);
  EXPECT_EQ(accepted({"-b", "@/ports"}, environment).config.inbound_ports, ports("80-81"));
  EXPECT_EQ(refused({"-i", "@/bad"}, environment),
            "-i: /bad line 4: 'nonsense': 'nonsense' is not an IPv4 or IPv6 address");
  EXPECT_EQ(refused({"-i", "@/none"}, environment), "-i: file '/none': No such file or directory");
}

TEST(Cli, IdentitiesComeFromFlagsThenUserThen1337) {
  EXPECT_EQ(accepted({"-u", "5,6"}).config.proxy_gids, (std::vector<std::uint32_t>{5, 6}));
  EXPECT_EQ(accepted({"-u", "5", "-g", "java,9"}).config.proxy_gids,
            (std::vector<std::uint32_t>{200, 9}));
  EXPECT_EQ(accepted({"-u", ""}, fake_environment({{"ENVOY_USER", "other"}})).config.proxy_uids,
            std::vector<std::uint32_t>{4711});
  EXPECT_EQ(accepted({}, fake_environment({{"ENVOY_USER", "absent"}})).config.proxy_uids,
            std::vector<std::uint32_t>{1337});
}

TEST(Cli, AProxyThatIsRootIsWarnedAbout) {
  EXPECT_EQ(accepted({"-u", "0"}).warnings.size(), 1u);
  EXPECT_TRUE(accepted({"-u", "1337"}).warnings.empty());
}

TEST(Cli, OwnerGroupsAreAtMost64) {
  std::string groups = "1";
  for (int i = 2; i <= 64; ++i) groups += "," + std::to_string(i);
  EXPECT_EQ(accepted({}, fake_environment({{"ISTIO_OUTBOUND_OWNER_GROUPS", groups}}))
                .config.owner_groups.included.size(),
            64u);
  EXPECT_EQ(refused_variable("ISTIO_OUTBOUND_OWNER_GROUPS", groups + ",65"),
            "environment variable ISTIO_OUTBOUND_OWNER_GROUPS: 65 groups, at most 64 are allowed");
}

TEST(Cli, TheLoopbackPrefixIsWithinLoopback) {
  EXPECT_EQ(refused_variable("ISTIO_OUTBOUND_IPV4_LOOPBACK_CIDR", "10.0.0.0/8"),
            "environment variable ISTIO_OUTBOUND_IPV4_LOOPBACK_CIDR: '10.0.0.0/8': not a prefix "
            "within 127.0.0.0/8");
  EXPECT_EQ(refused_variable("ISTIO_OUTBOUND_IPV4_LOOPBACK_CIDR", "127.0.0.0/7"),
            "environment variable ISTIO_OUTBOUND_IPV4_LOOPBACK_CIDR: '127.0.0.0/7': not a prefix "
            "within 127.0.0.0/8");
}

TEST(Cli, WhatAsksForNothingIsAccepted) {
  EXPECT_EQ(accepted({"-m",
                      "",
                      "-t",
                      "1337",
                      "-r",
                      "133",
                      "--redirect-dns=false",
                      "--capture-all-dns=false",
                      "--drop-invalid=false",
                      "--run-validation=false",
                      "--cni-mode=false",
                      "--network-namespace=",
                      "--native-nftables",
                      "--force-iptables-binary=",
                      "--force-iptables-binary",
                      "nft",
                      "--reconcile",
                      "--dual-stack=true",
                      "--iptables-probe-port",
                      "15002",
                      "--probe-timeout",
                      "1m30s",
                      "--log_as_json",
                      "--log_caller",
                      "x"})
                .config,
            RedirectConfig{});
  EXPECT_EQ(refused({"--probe-timeout", "5"}),
            "--probe-timeout: '5': not a duration such as 5s, 500ms or 1m30s");
}

TEST(Cli, CleaningUpDependsOnNoOtherFlag) {
  EXPECT_TRUE(accepted({"--cleanup-only", "-m", "TPROXY", "-x", "nonsense"}).cleanup_only);
}

TEST(Cli, HelpNamesEveryFlagAndVariableAndExitCode) {
  const std::string help = program_help();
  for (const Flag& flag : flag_table()) {
    if (!flag.name.empty()) {
      EXPECT_NE(help.find("--" + std::string(flag.name)), std::string::npos) << flag.name;
    }
    const auto variable = flag.variables.substr(0, flag.variables.find(' '));
    EXPECT_NE(help.find(variable), std::string::npos) << variable;
  }
  for (const ExitText& exit : exit_texts())
    EXPECT_NE(help.find("\n  " + std::to_string(exit.code) + " "), std::string::npos) << exit.code;
}

TEST(Cli, TwoFlagsNeverShareANameOrLetter) {
  for (const Flag& a : flag_table())
    for (const Flag& b : flag_table()) {
      if (a.id == b.id) continue;
      EXPECT_FALSE(!a.name.empty() && a.name == b.name) << a.name;
      EXPECT_FALSE(a.short_name != 0 && a.short_name == b.short_name) << a.short_name;
    }
}

TEST(LegacyIptables, IsSeenThroughItsListOfTables) {
  EXPECT_TRUE(find_legacy_nat(fake_environment()).empty());
  const auto environment = fake_environment({}, {{"/proc/net/ip_tables_names", "filter\nnat\n"},
                                                 {"/proc/net/ip6_tables_names", "mangle\n"}});
  EXPECT_EQ(find_legacy_nat(environment),
            (std::vector<OtherNat>{{"table nat of iptables-legacy", -100}}));
}

}  // namespace
}  // namespace weir::init
