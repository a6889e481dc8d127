// SPDX-License-Identifier: Apache-2.0
#include "init/cli/config_file.hpp"

#include <algorithm>
#include <vector>

#include "init/cli/nearest_name.hpp"

namespace weir::init {
namespace {

// What names the file or asks for one answer has no place in it.
bool belongs_in_file(const Flag& flag) {
  constexpr FlagId kElsewhere[] = {FlagId::config, FlagId::compat, FlagId::help, FlagId::version};
  return flag.group != FlagGroup::explain &&
         std::find(std::begin(kElsewhere), std::end(kElsewhere), flag.id) == std::end(kElsewhere);
}

std::string_view key_of(const Flag& flag) {
  return flag.name.empty() ? flag.variables.substr(0, flag.variables.find(' ')) : flag.name;
}

const Flag* find_key(std::string_view key) {
  for (const Flag& flag : flag_table())
    if (belongs_in_file(flag) && key_of(flag) == key) return &flag;
  return nullptr;
}

Error unknown_key(const std::string& where, const std::string& key) {
  std::vector<std::string_view> known;
  for (const Flag& flag : flag_table())
    if (belongs_in_file(flag)) known.push_back(key_of(flag));
  return Error{where + ": '" + key + "' is not a flag that a file can set" +
               suggestion(key, known)};
}

}  // namespace

std::string config_name(std::string_view path) {
  return path == "-" ? "standard input" : std::string(path);
}

Result<ConfigNode> read_config_document(const RawValue& path, const Environment& environment) {
  const auto text = environment.read_file(path.text);
  if (!text) return text.error().with_context(path.source);
  auto document = parse_config_document(*text);
  if (!document) return Error{config_name(path.text) + " " + document.error().message};
  return document;
}

Result<std::string> flat_text(const ConfigNode& node, std::string_view where,
                              std::string_view separator) {
  if (node.kind == ConfigNode::Kind::scalar) return node.text;
  if (node.kind != ConfigNode::Kind::list)
    return Error{std::string(where) + ": neither a value nor a list of values"};
  std::string text;
  for (const ConfigNode& item : node.items) {
    if (item.kind != ConfigNode::Kind::scalar)
      return Error{std::string(where) + ": an item of the list is not a value"};
    if (!text.empty()) text += separator;
    text += item.text;
  }
  return text;
}

Result<void> add_config_file(const RawValue& path, const Environment& environment,
                             RawFlags& flags) {
  TRY(const ConfigNode document, read_config_document(path, environment));
  const std::string name = config_name(path.text);
  if (document.kind == ConfigNode::Kind::nothing) return {};
  if (document.kind != ConfigNode::Kind::map)
    return Error{name + " line " + std::to_string(document.line) +
                 ": not a list of 'flag: value' pairs"};
  for (const auto& [key, node] : document.entries) {
    const std::string where = name + " line " + std::to_string(node.line);
    const Flag* flag = find_key(key);
    if (flag == nullptr) return unknown_key(where, key);
    if (node.kind == ConfigNode::Kind::nothing) continue;              // `key:` sets nothing
    const bool of_users = flag->id == FlagId::exclude_ports_for_uids;  // its items have commas
    TRY(std::string text, flat_text(node, where + ": " + key, of_users ? ";" : ","));
    if (!flags.get(flag->id)) flags.set(flag->id, RawValue{std::move(text), where + ": " + key});
  }
  return {};
}

}  // namespace weir::init
