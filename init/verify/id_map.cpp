// SPDX-License-Identifier: Apache-2.0
#include "init/verify/id_map.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>

namespace weir::init {

std::vector<IdRange> parse_id_map(std::string_view text) {
  std::vector<IdRange> map;
  std::istringstream words{std::string(text)};
  std::uint64_t inside = 0;
  std::uint64_t outside = 0;
  std::uint64_t count = 0;
  while (words >> inside >> outside >> count)
    if (count > 0 && inside <= kEveryId.last)
      map.push_back(
          {static_cast<std::uint32_t>(inside),
           static_cast<std::uint32_t>(std::min<std::uint64_t>(inside + count - 1, kEveryId.last))});
  return map;
}

std::vector<IdRange> read_id_map(const char* path) {
  std::ifstream file(path);
  if (!file) return {kEveryId};
  return parse_id_map(std::string(std::istreambuf_iterator<char>(file), {}));
}

bool is_mapped(const std::vector<IdRange>& map, std::uint32_t id) {
  return std::any_of(map.begin(), map.end(),
                     [&](const IdRange& range) { return range.first <= id && id <= range.last; });
}

}  // namespace weir::init
