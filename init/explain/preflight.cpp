// SPDX-License-Identifier: Apache-2.0
#include "init/explain/preflight.hpp"

#include <algorithm>
#include <cstring>

#include "init/explain/status_report.hpp"
#include "init/plan/plan.hpp"

namespace weir::init {
namespace {

using enum FindingLevel;

class Judge {
 public:
  Judge(const PreflightFacts& facts, const RedirectConfig& config)
      : facts_(facts), config_(config) {}

  std::vector<Finding> run() {
    look_at_rights();
    look_at_place();
    look_at_backend();
    look_at_features();
    look_at_rules();
    look_at_other_nat();
    look_at_identities();
    look_at_listeners();
    look_at_ipv6();
    return std::move(findings_);
  }

 private:
  void ok(std::string_view subject, std::string text) {
    findings_.push_back(
        {FindingLevel::ok, std::string(subject), std::move(text), "", ExitCode::ok});
  }
  void warn(std::string_view subject, std::string text, std::string remedy) {
    findings_.push_back(
        {warning, std::string(subject), std::move(text), std::move(remedy), ExitCode::ok});
  }
  void fail(std::string_view subject, std::string text, std::string remedy, ExitCode code) {
    findings_.push_back({problem, std::string(subject), std::move(text), std::move(remedy), code});
  }

  void look_at_rights() {
    const Surroundings& have = facts_.surroundings;
    const std::string where =
        have.initial_user_namespace ? "" : " (in a user namespace of its own)";
    if (have.net_admin)
      ok("capabilities", "CAP_NET_ADMIN is there" + where);
    else
      fail("capabilities", "CAP_NET_ADMIN is missing" + where,
           "run as root, or give it: securityContext.capabilities.add: [NET_ADMIN]",
           ExitCode::capability);
    if (facts_.backend == "legacy" && !have.net_raw)
      fail("capabilities", "CAP_NET_RAW is missing: legacy tables need it",
           "securityContext.capabilities.add: [NET_RAW]", ExitCode::capability);
  }

  void look_at_place() {
    if (facts_.host_evidence.empty())
      ok("network namespace", "not known to be the machine's own");
    else if (facts_.host_allowed)
      warn("network namespace", "the machine's own (" + facts_.host_evidence + ")",
           "--confirm 60s takes the rules back unless they are confirmed");
    else
      fail("network namespace", "the machine's own (" + facts_.host_evidence + ")",
           "--host allows it; --network-namespace names another one", ExitCode::conflict);
  }

  void look_at_backend() {
    if (facts_.backend_error) {
      const ExitCode code = exit_code_of(facts_.backend_error->code);
      fail("backend", facts_.backend_error->message, "", code);  // the error says what to do
      return;
    }
    ok("backend", facts_.backend + (facts_.installed ? ", with rules of ours in force" : ""));
  }

  // Which of the flags need a feature; the others are told as a warning.
  [[nodiscard]] bool is_needed(const std::string& feature) const {
    if (feature == "socket" || feature == "ct timeout") return false;  // left out, with a warning
    if (feature == "ct state") return config_.drop_invalid;
    if (feature == "ct zone") return captures_dns(config_) && config_.dns.split_zones;
    if (feature == "reject") return config_.reject_quic || config_.ipv6 == Ipv6Mode::block;
    if (feature == "tproxy" || feature == "mark") return is_tproxy(config_);
    return true;
  }

  void look_at_features() {
    if (facts_.features_error) {
      fail("nf_tables", facts_.features_error->message, "--backend legacy, where the kernel has it",
           exit_code_of(facts_.features_error->code));
      return;
    }
    std::string have;
    for (const FeatureResult& feature : facts_.features) {
      if (feature.code == 0) {
        have += (have.empty() ? "" : ", ") + feature.name;
        continue;
      }
      const std::string text = feature.name + " is missing (" + std::strerror(feature.code) +
                               "); " + feature.needed + " needs it";
      if (is_needed(feature.name))
        fail("nf_tables", text, "another kernel, or --backend legacy", ExitCode::kernel_feature);
      else
        warn("nf_tables", text, "do without " + feature.needed);
    }
    if (!have.empty()) ok("nf_tables", have);
  }

  void look_at_rules() {
    if (facts_.backend != "nftables" || facts_.installed || facts_.features.empty()) return;
    if (facts_.refused_rules)
      fail("rules", "the kernel refuses the rules of these flags: " + facts_.refused_rules->message,
           "see the missing features", exit_code_of(facts_.refused_rules->code));
    else
      ok("rules", "the kernel takes all rules of these flags (tried, not installed)");
  }

  void look_at_other_nat() {
    for (const OtherNat& other : facts_.other_nat)
      warn("other NAT",
           other.place + " (priority " + std::to_string(other.priority) + ") decides " +
               (other.priority < kNatPriority ? "before ours: what it translates we do not see"
                                              : "after ours: it does not see what we redirect"),
           "'weir-init explain' says what ours do; remove one of the two where they overlap");
    if (facts_.other_nat.empty()) ok("other NAT", "none on our hooks");
  }

  [[nodiscard]] bool is_proxy(std::uint32_t uid, std::uint32_t gid) const {
    const auto has = [](const std::vector<std::uint32_t>& list, std::uint32_t id) {
      return std::find(list.begin(), list.end(), id) != list.end();
    };
    return has(config_.proxy_uids, uid) || has(config_.proxy_gids, gid);
  }

  void look_at_identities() {
    constexpr std::string_view subject = "proxy's user";
    const std::size_t before = findings_.size();
    if (facts_.application && is_proxy(*facts_.application, *facts_.application))
      fail(subject,
           "the application's user " + std::to_string(*facts_.application) +
               " is the proxy's: nothing that it opens would be captured",
           "give the application another user (runAsUser), or the proxy (-u, -g)", ExitCode::other);
    for (const ProcessFact& process : facts_.processes)
      if (is_proxy(process.uid, process.gid))
        warn(subject,
             "process " + std::to_string(process.pid) + " (" + process.name + ") runs as user " +
                 std::to_string(process.uid) + ", group " + std::to_string(process.gid) +
                 ", the proxy's: what it opens is not captured",
             "fine if it is the proxy; else give it another user");
    if (findings_.size() == before)
      ok(subject, "no process here has it (" + std::to_string(facts_.processes.size()) +
                      " others seen in this network namespace)");
  }

  void look_at_listeners() {
    for (const ProxyPort& port : proxy_ports(config_, facts_.listeners))
      for (const Listener& listener : port.listeners)
        if (!is_proxy(listener.uid, listener.uid))
          warn("ports",
               "user " + std::to_string(listener.uid) + ", not the proxy, listens on " +
                   listener.local.to_string() + (port.udp ? "/udp" : "") + " where " +
                   port.purpose + " connections would go",
               "another port (-p, -z, --redirect-dns-port), or the proxy's user (-u)");
  }

  void look_at_ipv6() {
    if (facts_.ipv6_addresses.empty()) return ok("IPv6", "no address that reaches beyond the link");
    const std::string address = facts_.ipv6_addresses.front();
    if (config_.ipv6 == Ipv6Mode::ignore)
      return fail("IPv6",
                  "address " + address + ", and --ipv6 ignore: IPv6 passes by the proxy unseen",
                  "--ipv6 capture, or --ipv6 block where the proxy has no IPv6", ExitCode::other);
    for (const ProxyPort& port : proxy_ports(config_, facts_.listeners)) {
      const bool ipv4_only = !port.listeners.empty() &&
                             std::all_of(port.listeners.begin(), port.listeners.end(),
                                         [](const Listener& l) { return l.local.address.is_v4(); });
      if (ipv4_only && config_.ipv6 == Ipv6Mode::capture)
        return warn("IPv6",
                    "port " + std::to_string(port.port) + " is listened on with IPv4 only, and " +
                        address + " makes IPv6 connections possible: they would be refused",
                    "let the proxy listen on [::], or --ipv6 block");
    }
    ok("IPv6", config_.ipv6 == Ipv6Mode::block ? "refused (--ipv6 block)" : "captured as IPv4 is");
  }

  const PreflightFacts& facts_;
  const RedirectConfig& config_;
  std::vector<Finding> findings_;
};

}  // namespace

std::vector<Finding> judge(const PreflightFacts& facts, const RedirectConfig& config) {
  return Judge(facts, config).run();
}

ExitCode preflight_code(const std::vector<Finding>& findings) {
  const auto first = std::find_if(findings.begin(), findings.end(),
                                  [](const Finding& f) { return f.level == problem; });
  return first == findings.end() ? ExitCode::ok : first->code;
}

}  // namespace weir::init
