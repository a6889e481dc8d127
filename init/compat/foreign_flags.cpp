// SPDX-License-Identifier: Apache-2.0
#include "init/compat/foreign_flags.hpp"

#include <algorithm>

#include "init/cli/config_file.hpp"
#include "init/cli/go_flags.hpp"
#include "init/cli/nearest_name.hpp"
#include "init/cli/value_parser.hpp"

namespace weir::init {
namespace {

std::string_view id_of(const ForeignFlag& flag) { return flag.name.empty() ? flag.key : flag.name; }

const ForeignFlag* find_spelled(std::span<const ForeignFlag> table, std::string_view spelled) {
  for (const ForeignFlag& flag : table) {
    if (spelled.starts_with("--") && !flag.name.empty() && spelled.substr(2) == flag.name)
      return &flag;
    if (spelled.size() == 2 && flag.short_name != 0 && spelled[1] == flag.short_name) return &flag;
  }
  return nullptr;
}

// What is done, not what is captured: their words say that.
const Flag* find_own(std::string_view spelled) {
  if (!spelled.starts_with("--")) return nullptr;
  for (const Flag& flag : flag_table())
    if (flag.group != FlagGroup::what && flag.id != FlagId::config && !flag.name.empty() &&
        flag.name == spelled.substr(2))
      return &flag;
  return nullptr;
}

class ForeignSink : public FlagSink {
 public:
  explicit ForeignSink(ForeignCommandLine& line) : line_(line) {}

  [[nodiscard]] std::optional<FlagKind> kind_of(std::string_view spelled) const override {
    if (const ForeignFlag* flag = find_spelled(line_.values.table(), spelled)) return flag->kind;
    if (const Flag* own = find_own(spelled)) return own->kind;
    return std::nullopt;
  }

  Result<void> store(std::string_view spelled, std::string_view value) override {
    RawValue raw{std::string(value), std::string(spelled)};
    if (const ForeignFlag* flag = find_spelled(line_.values.table(), spelled)) {
      line_.values.add(*flag, std::move(raw));
    } else {
      line_.own.set(find_own(spelled)->id, std::move(raw));
    }
    return {};
  }

  Result<void> word(std::string_view word) override {
    line_.words.emplace_back(word);
    return {};
  }

  [[nodiscard]] std::string remedy(std::string_view spelled) const override {
    std::vector<std::string_view> names;
    for (const ForeignFlag& flag : line_.values.table())
      if (!flag.name.empty()) names.push_back(flag.name);
    if (!spelled.starts_with("--")) return "; see weir-init --help";
    const std::string_view near = nearest_name(spelled.substr(2), names);
    return near.empty() ? "; see weir-init --help"
                        : "; did you mean '--" + std::string(near) + "'?";
  }

 private:
  ForeignCommandLine& line_;
};

Result<void> add_node(const ConfigNode& node, const std::string& key, std::string_view file,
                      ForeignValues& values);

Result<void> add_entries(const ConfigNode& map, const std::string& prefix, std::string_view file,
                         ForeignValues& values) {
  for (const auto& [name, node] : map.entries)
    TRY_VOID(add_node(node, prefix.empty() ? name : prefix + "." + name, file, values));
  return {};
}

Result<void> add_value(const ConfigNode& node, const ForeignFlag& flag, const std::string& where,
                       ForeignValues& values) {
  std::vector<RawValue> found;
  if (flag.adds_up && node.kind == ConfigNode::Kind::list) {
    for (const ConfigNode& item : node.items) {
      TRY(std::string text, flat_text(item, where, ","));
      found.push_back({std::move(text), where});
    }
  } else {
    TRY(std::string text, flat_text(node, where, ","));
    found.push_back({std::move(text), where});
  }
  values.replace(flag, std::move(found));
  return {};
}

Result<void> add_node(const ConfigNode& node, const std::string& key, std::string_view file,
                      ForeignValues& values) {
  const std::string where = std::string(file) + " line " + std::to_string(node.line) + ": " + key;
  const auto table = values.table();
  const auto flag = std::find_if(table.begin(), table.end(), [&](const ForeignFlag& candidate) {
    return !candidate.key.empty() && candidate.key == key;
  });
  if (flag != table.end())
    return node.kind == ConfigNode::Kind::nothing ? Result<void>{}
                                                  : add_value(node, *flag, where, values);
  const bool is_group = std::any_of(table.begin(), table.end(), [&](const ForeignFlag& candidate) {
    return candidate.key.starts_with(key + ".");
  });
  if (is_group && node.kind == ConfigNode::Kind::map) return add_entries(node, key, file, values);
  if (is_group && node.kind == ConfigNode::Kind::nothing) return {};
  if (is_group) return Error{where + ": not a map of settings"};
  std::vector<std::string_view> keys;
  for (const ForeignFlag& candidate : table)
    if (!candidate.key.empty()) keys.push_back(candidate.key);
  return Error{where + ": unknown" + suggestion(key, keys)};
}

Result<bool> asks_for_something(const ForeignFlag& flag, const RawValue& value) {
  if (value.text.empty() || value.text == flag.nothing) return false;
  return flag.kind == FlagKind::boolean ? parse_boolean(value) : Result<bool>(true);
}

}  // namespace

const std::vector<RawValue>& ForeignValues::all(const ForeignFlag& flag) const {
  return values_[static_cast<std::size_t>(&flag - table_.data())];
}

const std::vector<RawValue>& ForeignValues::all(std::string_view name) const {
  static const std::vector<RawValue> none;
  for (const ForeignFlag& flag : table_)
    if (id_of(flag) == name) return all(flag);
  return none;
}

const RawValue* ForeignValues::get(std::string_view name) const {
  const auto& values = all(name);
  return values.empty() ? nullptr : &values.back();
}

std::optional<RawValue> ForeignValues::joined(std::string_view name,
                                              std::string_view separator) const {
  const auto& values = all(name);
  if (values.empty()) return std::nullopt;
  RawValue one = values.front();
  for (std::size_t i = 1; i < values.size(); ++i) one.text.append(separator).append(values[i].text);
  return one;
}

Result<bool> ForeignValues::is_true(std::string_view name, bool otherwise) const {
  const RawValue* value = get(name);
  return value == nullptr ? Result<bool>(otherwise) : parse_boolean(*value);
}

void ForeignValues::add(const ForeignFlag& flag, RawValue value) {
  auto& values = values_[static_cast<std::size_t>(&flag - table_.data())];
  if (!flag.adds_up) values.clear();
  values.push_back(std::move(value));
}

void ForeignValues::replace(const ForeignFlag& flag, std::vector<RawValue> values) {
  values_[static_cast<std::size_t>(&flag - table_.data())] = std::move(values);
}

Result<ForeignCommandLine> read_foreign_flags(std::span<const char* const> arguments,
                                              std::span<const ForeignFlag> table) {
  ForeignCommandLine line{ForeignValues(table), {}, {}};
  ForeignSink sink(line);
  TRY_VOID(read_go_flags(arguments, sink));
  return line;
}

void add_foreign_variables(const Environment& environment, ForeignCommandLine& line) {
  for (const ForeignFlag& flag : line.values.table()) {
    if (flag.variable.empty() || !line.values.all(flag).empty()) continue;
    const std::string name(flag.variable);
    auto value = environment.variable(name);
    if (value && !value->empty())
      line.values.add(flag, RawValue{*std::move(value), "environment variable " + name});
  }
  for (const Flag& flag : flag_table()) {
    const std::string name(flag.variables);
    if (!name.starts_with("WEIR_") || flag.group == FlagGroup::what || line.own.get(flag.id))
      continue;
    auto value = environment.variable(name);
    if (value && !value->empty())
      line.own.set(flag.id, RawValue{*std::move(value), "environment variable " + name});
  }
}

Result<void> add_foreign_document(const ConfigNode& document, std::string_view name,
                                  ForeignValues& weakest) {
  if (document.kind == ConfigNode::Kind::nothing) return {};
  if (document.kind != ConfigNode::Kind::map)
    return Error{std::string(name) + " line " + std::to_string(document.line) +
                 ": not a map of settings"};
  return add_entries(document, "", name, weakest);
}

void add_weaker(const ForeignValues& weaker, ForeignValues& stronger) {
  for (const ForeignFlag& flag : stronger.table())
    if (stronger.all(flag).empty()) stronger.replace(flag, weaker.all(flag));
}

Result<std::vector<std::string>> judge_foreign(const ForeignValues& values) {
  std::vector<std::string> notes;
  for (const ForeignFlag& flag : values.table()) {
    if (flag.use != ForeignUse::idle && flag.use != ForeignUse::refused) continue;
    for (const RawValue& value : values.all(flag)) {
      TRY(const bool asks, asks_for_something(flag, value));
      if (!asks) continue;
      if (flag.use == ForeignUse::refused)
        return Error{value.source + ": '" + value.text +
                     "' is not supported: " + std::string(flag.reason)};
      notes.push_back(value.source + ": no effect: " + std::string(flag.reason));
    }
  }
  return notes;
}

}  // namespace weir::init
