// SPDX-License-Identifier: Apache-2.0
#include "init/legacy/lowered_table.hpp"

#include <cctype>

#include "init/legacy/entry.hpp"

namespace weir::init {

Verdict go_on_in(const std::string& chain) {
  if (chain.empty()) return Return{};
  return Goto{chain};
}

Rule go_on_rule(const std::string& chain) { return Rule{{}, go_on_in(chain), {}, true}; }

std::string LoweredTable::new_name(std::string_view base) {
  // Room for "_99999".
  constexpr std::size_t kLongestBase = kChainNameLength - kChainPrefix.size() - 6;
  std::string name(kChainPrefix);
  for (const char c : base.substr(0, kLongestBase))
    name += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  const unsigned number = ++used_[name];
  if (number > 1) name += "_" + std::to_string(number);
  // `a` for the second time and `a_2` for the first would be one name.
  if (number > 1 && used_.contains(name)) return new_name(base);
  if (number > 1) used_[name] = 1;
  return prefix_ + name;
}

}  // namespace weir::init
