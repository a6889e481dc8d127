// SPDX-License-Identifier: Apache-2.0
#include "init/manual/man_page.hpp"

#include "init/manual/command_page.hpp"

namespace weir::init {
namespace {

std::string bold(std::string_view text) { return "\\fB" + roff_text(text) + "\\fR"; }
std::string italic(std::string_view text) { return "\\fI" + roff_text(text) + "\\fR"; }

std::string section(std::string_view title) { return ".SH " + std::string(title) + "\n"; }
std::string subsection(std::string_view title) { return ".SS \"" + roff_text(title) + "\"\n"; }
std::string paragraph(std::string_view text) { return ".PP\n" + roff_text(text) + "\n"; }
std::string item(std::string_view head, std::string_view text) {
  return ".TP\n" + std::string(head) + "\n" + roff_text(text) + "\n";
}

std::string flag_item(const Flag& flag) {
  const FlagHint hint = hint_of(flag);
  std::string head;
  if (flag.name.empty()) {
    head = bold(flag.variables.substr(0, flag.variables.find(' '))) + "=" + italic(hint.value);
    return item(head, flag.help);
  }
  if (flag.short_name != 0) head = bold(std::string("-") + flag.short_name) + ", ";
  head += bold("--" + std::string(flag.name));
  if (!hint.value.empty()) head += " " + italic(hint.value);
  std::string text(flag.help);
  if (!flag.variables.empty()) text += " Environment: " + std::string(flag.variables) + ".";
  return item(head, text);
}

std::string flags_of(FlagGroup group, std::string_view title) {
  std::string text = subsection(title);
  for (const Flag& flag : flag_table())
    if (flag.group == group) text += flag_item(flag);
  return text;
}

std::string examples_of(const CommandPage& page) {
  std::string text;
  for (const Example& example : page.examples) {
    text += ".PP\n.RS 4\n.nf\n" + bold(example.line) + "\n.fi\n";
    if (!example.what.empty()) text += roff_text(example.what) + "\n";
    text += ".RE\n";
  }
  return text;
}

std::string commands_section() {
  std::string text = section("COMMANDS");
  for (const CommandPage& page : command_pages()) {
    text += ".TP\n" + bold(page.word);
    if (!page.arguments.empty()) text += " " + italic(page.arguments);
    text += "\n" + roff_text(page.summary) + ".";
    if (!page.text.empty()) text += "\n" + roff_text(page.text);
    text += "\n";
  }
  return text;
}

std::string options_section() {
  return section("OPTIONS") +
         paragraph(
             "Flags have the grammar of Go: --flag value, --flag=value, -f value, -fvalue, "
             "-f=value; booleans are --flag or --flag=false. Lists are separated by commas; "
             "ports may be ranges (8000-8010), interfaces prefixes (br+). Lists of ports and "
             "prefixes may be @FILE. The command line wins over the environment, both over "
             "the file of --config. Defaults are in brackets.") +
         flags_of(FlagGroup::what, "What is captured") +
         flags_of(FlagGroup::how, "What is done, and how") +
         flags_of(FlagGroup::explain, "The connection that explain is asked about") +
         flags_of(FlagGroup::accepted, "Accepted without effect");
}

std::string rest() {
  std::string text = section("CONFIGURATION FILE") +
                     paragraph(
                         "YAML or JSON: the long names of flags and their values, lists as "
                         "lists or separated by commas. What has no flag goes by its "
                         "variable. An unknown name is an error.") +
                     ".PP\n.RS 4\n.nf\nistio\\-service\\-cidr: '*'\nistio\\-inbound\\-ports: '*'\n"
                     "istio\\-local\\-exclude\\-ports: [22, 15021]\n.fi\n.RE\n";
  text += section("COMPATIBILITY") +
          paragraph(
              "Called as kumactl or proxy-init, with these words in front of the flags, or "
              "with --compat, the command lines are those of kumactl install "
              "transparent-proxy and of linkerd's proxy-init; flags of weir-init that say how "
              "things are done may be mixed in.");
  text += section("DNS") +
          paragraph(
              "With --redirect-dns, requests go to port 15053 of this namespace. A DNS proxy "
              "must listen there, on UDP and TCP; weir-proxy has none.");
  text += section("EXIT STATUS");
  for (const ExitText& exit : exit_texts())
    text += item(bold(std::to_string(exit.code)), exit.what);
  text += section("FILES") +
          item(bold("/dev/termination-log"),
               "gets the error of a failed run, for Kubernetes; never created") +
          item(bold("/etc/passwd") + ", " + bold("/etc/group"),
               "names of users and groups; no name service is asked") +
          item(bold("/etc/resolv.conf"), "servers of --redirect-dns");
  text += section("EXAMPLES");
  for (const CommandPage& page : command_pages()) text += examples_of(page);
  return text + section("SEE ALSO") + ".BR nft (8),\n.BR iptables (8),\n.BR ip\\-netns (8)\n";
}

}  // namespace

std::string roff_text(std::string_view text) {
  std::string result;
  for (const char c : text) {
    const bool at_start = result.empty() || result.back() == '\n';
    if (at_start && (c == '.' || c == '\'')) result += "\\&";
    switch (c) {
      case '\\':
        result += "\\e";
        break;
      case '-':
        result += "\\-";
        break;
      case '\'':
        result += "\\(aq";
        break;
      case '`':
        result += "\\(ga";
        break;
      case '"':
        result += "\\(dq";
        break;
      default:
        result += c;
    }
  }
  return result;
}

std::string man_page() {
  return ".TH WEIR\\-INIT 8 \"\" \"Weir " WEIR_VERSION "\"\n" + section("NAME") +
         "weir\\-init \\- sends the connections of a network namespace through a proxy\n" +
         section("SYNOPSIS") + ".B weir\\-init\n.RI [ COMMAND ]\n.RI [ flags ]\n" +
         section("DESCRIPTION") +
         paragraph(
             "Puts rules into the kernel that redirect TCP connections, outbound and inbound, "
             "to the ports of a proxy: with nftables in one transaction for both families, or "
             "with the tables of iptables-legacy where the kernel has nothing else. The rules "
             "are read back, compared and proven. It needs CAP_NET_ADMIN (for iptables-legacy "
             "CAP_NET_RAW too), no other program and no writable file.") +
         commands_section() + options_section() + rest();
}

}  // namespace weir::init
