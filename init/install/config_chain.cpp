// SPDX-License-Identifier: Apache-2.0
#include "init/install/config_chain.hpp"

#include <algorithm>

#include "init/cli/canonical_flags.hpp"

namespace weir::init {
namespace {

// A comment of nft has 128 bytes at most, one of iptables 256.
constexpr std::size_t kPieceMax = 120;
constexpr std::size_t kFlagsMax = 8192;
constexpr std::string_view kNotKept = "flags: ";
constexpr std::string_view kVersionText = "weir-init " WEIR_VERSION;

Rule note(std::string_view text) { return Rule{{}, Return{}, std::string(text), false}; }

// Up to and with the last blank or comma that fits, so that people can read it.
std::size_t piece_length(std::string_view text) {
  if (text.size() <= kPieceMax) return text.size();
  const auto border = text.substr(0, kPieceMax).find_last_of(" ,");
  return border == std::string_view::npos ? kPieceMax : border + 1;
}

std::string join_words(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

std::vector<std::string> split_words(std::string_view text) {
  std::vector<std::string> words;
  while (!text.empty()) {
    const auto end = std::min(text.find(' '), text.size());
    words.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

}  // namespace

bool is_config_chain(const Chain& chain) {
  return chain.name == kConfigChain || chain.name.ends_with("/WEIR_CONFIG");
}

Ruleset with_config_chain(Ruleset rules, const RedirectConfig& config) {
  std::erase_if(rules.chains, is_config_chain);
  Chain chain{std::string(kConfigChain), {}, {note(kVersionText)}, {}};
  if (const auto words = to_arguments_within(config, kFlagsMax)) {
    const std::string text = join_words(*words);
    for (std::string_view rest = text; !rest.empty(); rest.remove_prefix(piece_length(rest)))
      chain.rules.push_back(note(rest.substr(0, piece_length(rest))));
  } else {
    chain.rules.push_back(note(std::string(kNotKept) + "more than " + std::to_string(kFlagsMax) +
                               " bytes, not kept"));
  }
  rules.chains.push_back(std::move(chain));
  return rules;
}

Result<KeptConfig> config_of(const Ruleset& rules) {
  const auto chain = std::find_if(rules.chains.begin(), rules.chains.end(), is_config_chain);
  if (chain == rules.chains.end() || chain->rules.size() < 2)
    return Error{"the installed rules do not say which flags they were made of"};
  KeptConfig kept;
  kept.version = chain->rules.front().comment;
  std::string text;
  for (auto rule = chain->rules.begin() + 1; rule != chain->rules.end(); ++rule)
    text += rule->comment;
  if (text.starts_with(kNotKept))
    return Error{"the flags of the installed rules are too long to be kept with them (" + text +
                 "); give the flags"};
  kept.arguments = split_words(text);
  auto config = from_arguments(kept.arguments);
  if (!config)
    return config.error().with_context("the flags kept with the installed rules (by " +
                                       kept.version + ")");
  kept.config = *std::move(config);
  return kept;
}

}  // namespace weir::init
