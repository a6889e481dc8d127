// SPDX-License-Identifier: Apache-2.0
#include "init/legacy/built_in.hpp"

namespace weir::init {
namespace {

constexpr BuiltInChain kBuiltIns[] = {
    {"raw", "PREROUTING", Hook::prerouting, -300, ChainType::filter},
    {"raw", "OUTPUT", Hook::output, -300, ChainType::filter},
    {"mangle", "PREROUTING", Hook::prerouting, -150, ChainType::filter},
    {"mangle", "INPUT", Hook::input, -150, ChainType::filter},
    {"mangle", "OUTPUT", Hook::output, -150, ChainType::route},
    {"nat", "PREROUTING", Hook::prerouting, -100, ChainType::nat},
    {"nat", "INPUT", Hook::input, 100, ChainType::nat},
    {"nat", "OUTPUT", Hook::output, -100, ChainType::nat},
    {"filter", "INPUT", Hook::input, 0, ChainType::filter},
    {"filter", "OUTPUT", Hook::output, 0, ChainType::filter},
};

}  // namespace

std::span<const BuiltInChain> built_in_chains() { return kBuiltIns; }

const BuiltInChain* find_built_in(std::string_view table, std::string_view name) {
  for (const BuiltInChain& chain : kBuiltIns)
    if (chain.table == table && chain.name == name) return &chain;
  return nullptr;
}

std::string_view table_for(const BaseHook& base) {
  if (base.type == ChainType::nat) return "nat";
  if (base.priority < -200) return "raw";
  if (base.type == ChainType::route || base.priority < -100) return "mangle";
  return "filter";
}

}  // namespace weir::init
