// SPDX-License-Identifier: Apache-2.0
#include "init/nft/explained.hpp"

#include <cerrno>

namespace weir::init {

Error explained(const Error& error, std::string_view what, Operation operation, const Rule* rule) {
  // Who holds the table is said already.
  if (error.code == EBUSY) return error;
  return explained_error(operation, what, error, surroundings(),
                         rule != nullptr ? kernel_parts(*rule) : std::string());
}

Operation operation_of(const Refusal& refusal) {
  if (refusal.removal) return Operation::remove_rules;
  switch (refusal.part) {
    case RulesetPart::rule:
      return Operation::add_rule;
    case RulesetPart::set:
    case RulesetPart::map:
      return Operation::add_set;
    case RulesetPart::elements:
      return Operation::add_element;
    case RulesetPart::timeout:
      return Operation::add_object;
    case RulesetPart::whole:
    case RulesetPart::table:
    case RulesetPart::chain:
      break;
  }
  return Operation::add_chain;
}

}  // namespace weir::init
