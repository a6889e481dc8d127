// SPDX-License-Identifier: Apache-2.0
#include "proxy/config/parse_context.hpp"

namespace weir::config {

std::string ParseContext::path() const {
  if (parent_ == nullptr) return {};
  std::string text = parent_->path();
  if (!text.empty()) text += '.';
  text += name_;
  if (index_ >= 0) text += '[' + std::to_string(index_) + ']';
  return text;
}

void ParseContext::report(Severity severity, std::string text) const {
  if (!diagnostics_->keeps(severity)) return diagnostics_->count(severity);
  std::string where = path();
  Place place = sources_->locate(where);
  diagnostics_->add({severity, std::move(place), std::move(where), std::move(text)});
}

}  // namespace weir::config
