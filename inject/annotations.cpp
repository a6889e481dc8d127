// SPDX-License-Identifier: Apache-2.0
#include "inject/annotations.hpp"

#include <charconv>
#include <utility>

#include "inject/json_text.hpp"
#include "inject/yaml_text.hpp"

namespace weir::inject {
namespace {

constexpr std::size_t kQuotedMax = 60;

Result<void> read_concurrency(const Node& value, PodSettings& settings) {
  unsigned number = 0;
  const char* const end = value.text.data() + value.text.size();
  const auto [at, ec] = std::from_chars(value.text.data(), end, number);
  if (!value.is_scalar() || ec != std::errc{} || at != end || number > 1024)
    return Error{"concurrency '" + value.text + "': not a number up to 1024"};
  if (number > 0) settings.concurrency = number;  // 0: as many as there are CPUs
  return {};
}

}  // namespace

std::string annotation_error(std::string_view name, std::string_view value,
                             std::string_view reason) {
  std::string out = "annotation '" + std::string(name) + "': ";
  if (reason.find('\'') == std::string_view::npos) {
    std::string quoted(value.substr(0, kQuotedMax));
    for (char& c : quoted)
      if (static_cast<unsigned char>(c) < 0x20) c = ' ';
    out += "'" + quoted + (value.size() > kQuotedMax ? "…': " : "': ");
  }
  return out + std::string(reason);
}

Result<unsigned> whole_seconds(std::string_view text) {
  const Error wrong{"'" + std::string(text.substr(0, kQuotedMax)) +
                    "': not a duration such as 5s or 1m30s"};
  double seconds = 0;
  if (text.empty()) return wrong;
  if (text == "0") return 0u;
  for (std::string_view rest = text; !rest.empty();) {
    double number = 0;
    const auto [end, ec] =
        std::from_chars(rest.data(), rest.data() + rest.size(), number, std::chars_format::fixed);
    if (ec != std::errc{} || number < 0) return wrong;
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    constexpr std::pair<std::string_view, double> kUnits[] = {
        {"ms", 0.001}, {"us", 1e-6}, {"ns", 1e-9}, {"s", 1}, {"m", 60}, {"h", 3600}};
    double unit = 0;
    for (const auto& [name, value] : kUnits) {
      if (unit != 0 || !rest.starts_with(name)) continue;
      unit = value;
      rest.remove_prefix(name.size());
    }
    if (unit == 0) return wrong;
    seconds += number * unit;
  }
  if (!(seconds <= 86400)) return wrong;
  const auto whole = static_cast<unsigned>(seconds);
  return whole + (seconds > whole ? 1 : 0);
}

Result<void> read_proxy_config(std::string_view text, PodSettings& settings,
                               std::vector<std::string>& warnings) {
  TRY(const Node config, parse_yaml(text));
  if (config.is_null()) return {};
  if (!config.is_map()) return Error{"expected a map in YAML"};
  for (const auto& [key, value] : config.entries) {
    if (key.text == "holdApplicationUntilProxyStarts") {
      if (!value.is_true() && !value.is_false())
        return Error{"holdApplicationUntilProxyStarts '" + value.text +
                     "': expected true or false"};
      settings.hold_application = value.is_true();
    } else if (key.text == "terminationDrainDuration") {
      TRY(settings.options.termination_drain_s, whole_seconds(value.text));
    } else if (key.text == "concurrency") {
      TRY_VOID(read_concurrency(value, settings));
    } else {
      warnings.push_back("annotation 'proxy.istio.io/config': '" + key.text +
                         "' has no effect with Weir");
    }
  }
  return {};
}

Result<void> read_user_list(std::string_view text, std::vector<Node>& out) {
  TRY(const Node root, parse_json(text));
  for (const Node& item : root.items) {
    if (item.find("name") == nullptr) return Error{"an item without a name"};
    out.push_back(item);
  }
  for (const auto& [name, value] : root.entries) {
    if (!value.is_map() || value.find("name") != nullptr)
      return Error{"'" + name.text + "': expected a map without a name of its own"};
    Node item = value;
    item.entries.insert(item.entries.begin(), {Node::string("name"), name});
    out.push_back(std::move(item));
  }
  if (root.is_scalar()) return Error{"expected a map or a list in JSON"};
  return {};
}

}  // namespace weir::inject
