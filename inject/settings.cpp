// SPDX-License-Identifier: Apache-2.0
#include "inject/settings.hpp"

#include <algorithm>
#include <charconv>
#include <functional>
#include <string_view>

#include "inject/annotations.hpp"
#include "inject/traffic.hpp"

namespace weir::inject {
namespace {

std::optional<bool> read_bool(std::string_view text) {
  for (const std::string_view yes : {"true", "True", "TRUE", "yes", "y", "on", "1", "enabled"})
    if (text == yes) return true;
  for (const std::string_view no : {"false", "False", "FALSE", "no", "n", "off", "0", "disabled"})
    if (text == no) return false;
  return std::nullopt;
}

bool is_level(std::string_view text) {
  constexpr std::string_view kLevels[] = {"trace", "debug", "info",     "warning",
                                          "warn",  "error", "critical", "off"};
  return std::find(std::begin(kLevels), std::end(kLevels), text) != std::end(kLevels);
}

// 1, 100m, 0.5, 64Mi, 1e3: Kubernetes says the rest.
bool is_quantity(std::string_view text) {
  return !text.empty() && text[0] >= '0' && text[0] <= '9' &&
         text.find_first_not_of("0123456789.eEinumkKMGTP") == std::string_view::npos;
}

class Reader {
 public:
  Reader(const PodFacts& facts, PodSettings& settings, std::vector<std::string>& refusals,
         std::vector<std::string>& warnings)
      : facts_(facts), settings_(settings), refusals_(refusals), warnings_(warnings) {}

  void read() {
    for (const auto& [name, value] : facts_.annotations) {
      if (auto result = read_one(name, value); !result)
        refusals_.push_back(annotation_error(name, value, result.error().message));
    }
  }

 private:
  Result<void> read_one(const std::string& name, const std::string& value) {
    const auto slash = name.find('/');
    const std::string_view domain = std::string_view(name).substr(0, std::min(slash, name.size()));
    const std::string_view word =
        slash == std::string::npos ? std::string_view() : std::string_view(name).substr(slash + 1);
    if (domain == "traffic.sidecar.istio.io") {
      TRY(const bool known, read_traffic(word, value, settings_.traffic));
      if (!known) has_no_effect(name);
      return {};
    }
    if (name == "istio.io/reroute-virtual-interfaces") {
      TRY_VOID(read_traffic("kubevirtInterfaces", value, settings_.traffic));
      return {};
    }
    if (domain == "sidecar.istio.io") return read_sidecar(word, name, value);
    if (name == "proxy.istio.io/config") return read_proxy_config(value, settings_, warnings_);
    if (name == "weir.io/native-sidecar") return read_native(value);
    if (domain == "weir.io" && word != "inject" && word != "status") has_no_effect(name);
    if (domain == "proxy.istio.io" || domain == "inject.istio.io") has_no_effect(name);
    return {};
  }

  Result<void> read_sidecar(std::string_view word, const std::string& name,
                            const std::string& value) {
    InjectOptions& options = settings_.options;
    if (word == "interceptionMode") return read_mode(value, settings_.traffic);
    if (word == "nativeSidecar") return read_native(value);
    if (word == "proxyCPU") return quantity(value, options.proxy_cpu);
    if (word == "proxyMemory") return quantity(value, options.proxy_memory);
    if (word == "proxyCPULimit") return quantity(value, options.proxy_cpu_limit);
    if (word == "proxyMemoryLimit") return quantity(value, options.proxy_memory_limit);
    if (word == "userVolume") return read_user_list(value, settings_.volumes);
    if (word == "userVolumeMount") return read_user_list(value, settings_.mounts);
    if (word == "proxyImage") {
      if (value.empty() || value.find_first_of(" \t\n\"'") != std::string::npos)
        return Error{"not the name of an image"};
      options.proxy_image = value;
      return {};
    }
    if (word == "logLevel") {
      if (!is_level(value))
        return Error{"expected trace, debug, info, warning, error, critical or off"};
      options.log_level = value;
      return {};
    }
    // Probes reach the application through the proxy as they are.
    if (word != "inject" && word != "status" && word != "rewriteAppHTTPProbers")
      has_no_effect(name);
    return {};
  }

  Result<void> read_native(const std::string& value) {
    const auto native = read_bool(value);
    if (!native) return Error{"expected true or false"};
    settings_.options.native_sidecar = *native;
    return {};
  }

  static Result<void> quantity(const std::string& value, std::string& out) {
    if (!is_quantity(value)) return Error{"not an amount such as 100m or 64Mi"};
    out = value;
    return {};
  }

  void has_no_effect(const std::string& name) {
    warnings_.push_back("annotation '" + name + "': has no effect with Weir");
  }

  const PodFacts& facts_;
  PodSettings& settings_;
  std::vector<std::string>& refusals_;
  std::vector<std::string>& warnings_;
};

const std::string* find_word(const std::map<std::string, std::string>& words,
                             const std::string& name) {
  const auto found = words.find(name);
  return found == words.end() ? nullptr : &found->second;
}

}  // namespace

Result<Choice> read_choice(const PodFacts& facts, const InjectOptions& options) {
  for (const std::string name : {"weir.io/inject", "sidecar.istio.io/inject"}) {
    for (const auto& [what, words] :
         {std::pair{"label", &facts.labels}, {"annotation", &facts.annotations}}) {
      const std::string* value = find_word(*words, name);
      if (value == nullptr) continue;
      const auto inject = read_bool(*value);
      if (!inject)
        return Error{std::string(what) + " '" + name + "': '" + *value +
                     "': expected true or false"};
      return Choice{*inject, std::string(what) + " '" + name + "' is '" + *value + "'"};
    }
  }
  if (options.policy == Policy::enabled) return Choice{};
  return Choice{false, "nothing asks for it: label 'sidecar.istio.io/inject' is not there"};
}

PodSettings read_settings(const PodFacts& facts, const InjectOptions& options,
                          std::vector<std::string>& refusals, std::vector<std::string>& warnings) {
  PodSettings settings;
  settings.options = options;
  Reader(facts, settings, refusals, warnings).read();
  return settings;
}

}  // namespace weir::inject
