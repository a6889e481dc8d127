// SPDX-License-Identifier: Apache-2.0
// What users are told about failed system calls.
#include "init/system/errors.hpp"

#include <cerrno>

#include <gtest/gtest.h>

#include "init/system/exit_code.hpp"

namespace weir::init {
namespace {

Surroundings root() { return {}; }
Surroundings unprivileged() { return {false, false, false, true, false}; }
Surroundings child_namespace() { return {true, true, true, false, false}; }
Surroundings gvisor() { return {true, true, true, true, true}; }

std::string told(Operation operation, int code, const Surroundings& surroundings,
                 std::string_view parts = {}) {
  return explained_error(operation, "installing", Error{"chain 'output': words", code},
                         surroundings, parts)
      .message;
}

TEST(Errors, TheKernelsWordsStayInFront) {
  for (std::size_t operation = 0; operation < kOperationCount; ++operation)
    for (int code = 1; code < 134; ++code)
      for (const auto& surroundings : {root(), unprivileged(), child_namespace(), gvisor()})
        EXPECT_TRUE(told(static_cast<Operation>(operation), code, surroundings)
                        .starts_with("installing: chain 'output': words"));
}

TEST(Errors, EveryExplanationHasARemedyAndAnErrno) {
  std::size_t explained = 0;
  for (std::size_t operation = 0; operation < kOperationCount; ++operation)
    for (int code = 1; code < 134; ++code) {
      const auto found = explain_errno(static_cast<Operation>(operation), code, root());
      EXPECT_NE(found.code, 0);
      EXPECT_EQ(found.cause.empty(), found.remedy.empty()) << operation << ' ' << code;
      if (!found.cause.empty()) ++explained;
    }
  EXPECT_GT(explained, 100u);
}

TEST(Errors, MissingRightsAreToldApart) {
  EXPECT_EQ(told(Operation::add_chain, EPERM, unprivileged()),
            "installing: chain 'output': words; this process has no CAP_NET_ADMIN; in a Pod: "
            "securityContext.capabilities.add: [NET_ADMIN]; elsewhere: run as root");
  EXPECT_NE(told(Operation::add_chain, EPERM, child_namespace()).find("user namespace"),
            std::string::npos);
  EXPECT_NE(told(Operation::add_chain, EPERM, root()).find("SELinux"), std::string::npos);
  EXPECT_NE(told(Operation::legacy_socket, EPERM, unprivileged()).find("CAP_NET_RAW"),
            std::string::npos);
  EXPECT_NE(told(Operation::enter_namespace, EPERM, unprivileged()).find("CAP_SYS_ADMIN"),
            std::string::npos);
  EXPECT_NE(told(Operation::probe, EPERM, root()).find("CAP_SETUID"), std::string::npos);
}

TEST(Errors, MissingPartsOfTheKernelAreNamed) {
  const std::string text = told(Operation::add_rule, ENOENT, root(), "nft_tproxy (CONFIG_X)");
  EXPECT_NE(text.find("lacks something that the rule needs: nft_tproxy (CONFIG_X); "),
            std::string::npos)
      << text;
  EXPECT_NE(told(Operation::add_chain, EINVAL, gvisor()).find("gVisor"), std::string::npos);
  EXPECT_NE(told(Operation::add_object, EOPNOTSUPP, root()).find("--close-wait-timeout 0"),
            std::string::npos);
  EXPECT_NE(told(Operation::legacy_read, ENOENT, root()).find("iptable_nat"), std::string::npos);
}

TEST(Errors, LimitsAndLocksHaveRemedies) {
  EXPECT_NE(told(Operation::add_element, ENOBUFS, root()).find("net.core.wmem_max"),
            std::string::npos);
  EXPECT_NE(told(Operation::add_set, ENOMEM, root()).find("cgroup"), std::string::npos);
  EXPECT_NE(told(Operation::legacy_lock, EROFS, root()).find("emptyDir"), std::string::npos);
  EXPECT_NE(told(Operation::legacy_lock, EACCES, root()).find("SELinux"), std::string::npos);
}

TEST(Errors, TheExitCodeFollowsFromTheCause) {
  const auto exit_of = [](Operation operation, int code, const Surroundings& surroundings) {
    return exit_code_of(explain_errno(operation, code, surroundings).code);
  };
  EXPECT_EQ(exit_of(Operation::add_rule, EACCES, root()), ExitCode::capability);
  EXPECT_EQ(exit_of(Operation::add_rule, ENOENT, root()), ExitCode::kernel_feature);
  EXPECT_EQ(exit_of(Operation::add_chain, EINVAL, gvisor()), ExitCode::kernel_feature);
  EXPECT_EQ(exit_of(Operation::legacy_lock, EAGAIN, root()), ExitCode::conflict);
  EXPECT_EQ(exit_of(Operation::add_element, EEXIST, root()), ExitCode::conflict);
  EXPECT_EQ(exit_of(Operation::add_element, ENOMEM, root()), ExitCode::other);
}

TEST(Errors, PartsOfARule) {
  Rule rule;
  rule.verdict = Tproxy{15006, 1337, 0xfff};
  rule.matches.emplace_back(Match{Field::socket_transparent, false, Key{1}, 0});
  rule.matches.emplace_back(Match{Field::ct_state, false, Key{1}, 0});
  rule.matches.emplace_back(Match{Field::ct_mark, false, Key{1}, 0});
  EXPECT_EQ(kernel_parts(rule),
            "nft_socket (CONFIG_NFT_SOCKET), nft_ct (CONFIG_NFT_CT), nft_tproxy "
            "(CONFIG_NFT_TPROXY)");
  EXPECT_EQ(kernel_parts(Rule{}), "");
}

TEST(Errors, SurroundingsAreReadFromProc) {
  constexpr std::string_view kInitial = "         0          0 4294967295\n";
  EXPECT_EQ(parse_surroundings("Name:\tx\nCapEff:\t000001ffffffffff\nX:\n", kInitial, "Linux"),
            root());
  EXPECT_EQ(parse_surroundings("Name:\tx\nCapEff:\t0000000000000000\n", kInitial, "Linux"),
            unprivileged());
  // CAP_NET_ADMIN is bit 12, CAP_NET_RAW 13, CAP_SYS_ADMIN 21.
  EXPECT_EQ(parse_surroundings("Name:\tx\nCapEff:\t0000000000001000\n", kInitial, ""),
            (Surroundings{true, false, false, true, false}));
  EXPECT_EQ(parse_surroundings("Name:\tx\nCapEff:\t000001ffffffffff\n",
                               "         0     100000      65536\n", ""),
            child_namespace());
  EXPECT_TRUE(
      parse_surroundings("", "", "Linux version 4.4.0 #1 SMP Sun Jan 10 15:06:54 PST 2016").gvisor);
}

}  // namespace
}  // namespace weir::init
