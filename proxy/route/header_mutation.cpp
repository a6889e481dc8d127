// SPDX-License-Identifier: Apache-2.0
#include "proxy/route/header_mutation.hpp"

#include <algorithm>
#include <span>

#include "proxy/access_log/format.hpp"

namespace weir::route {
namespace {

/// What one addition does to the headers as they were before any of them.
struct Step {
  const HeaderAddition* addition;
  std::string_view value;
  enum class Kind : std::uint8_t { nothing, add, overwrite } kind;
};

std::string_view value_of(const HeaderAddition& addition, const access_log::Record* record,
                          http::Arena& arena) {
  if (!addition.format) return addition.literal;
  if (record == nullptr) return {};
  std::string text;
  addition.format->render(*record, text);
  return arena.copy(text);
}

Step::Kind kind_of(const HeaderAddition& addition, const http::HeaderMap& headers) {
  using Action = HeaderAddition::Action;
  const auto exists = [&] { return headers.find(addition.name) != nullptr; };
  switch (addition.action) {
    case Action::append:
      // A message has each pseudo-header once.
      return addition.name.starts_with(':') ? Step::Kind::overwrite : Step::Kind::add;
    case Action::add_if_absent:
      return exists() ? Step::Kind::nothing : Step::Kind::add;
    case Action::overwrite:
      return Step::Kind::overwrite;
    case Action::overwrite_if_present:
      return exists() ? Step::Kind::overwrite : Step::Kind::nothing;
  }
  return Step::Kind::nothing;
}

/// What is overwritten moves to the end; pseudo-headers cannot.
void overwrite(http::HeaderMap& headers, const HeaderAddition& addition, std::string_view value) {
  if (addition.name.starts_with(':')) {
    headers.set(addition.name, value);
    return;
  }
  headers.remove(addition.name);
  headers.add(addition.name, value);
}

}  // namespace

void HeaderMutations::apply(http::HeaderMap& headers, const access_log::Record* record) const {
  for (const std::string& name : remove) headers.remove(name);
  if (add.empty()) return;
  http::Arena& arena = headers.arena();
  // Values and conditions are those of the headers before any addition, as in Envoy.
  auto* const begin = static_cast<Step*>(arena.allocate(add.size() * sizeof(Step), alignof(Step)));
  auto* end = begin;
  for (const HeaderAddition& addition : add) {
    const std::string_view value = value_of(addition, record, arena);
    if (value.empty() && !addition.keep_empty) continue;
    new (end++) Step{&addition, value, kind_of(addition, headers)};
  }
  for (const Step& step : std::span(begin, end))
    if (step.kind == Step::Kind::overwrite) overwrite(headers, *step.addition, step.value);
  for (const Step& step : std::span(begin, end))
    if (step.kind == Step::Kind::add) headers.add(step.addition->name, step.value);
}

bool HeaderMutations::needs_record() const {
  return std::any_of(add.begin(), add.end(),
                     [](const HeaderAddition& addition) { return addition.format != nullptr; });
}

}  // namespace weir::route
