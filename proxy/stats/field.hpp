// SPDX-License-Identifier: Apache-2.0
// Field: the name of one statistic of a block.
#pragma once

#include <string_view>

namespace weir::stats {

/// `member` points to a Counter, a Gauge or a Histogram.
template <class Block, class Metric>
struct Field {
  std::string_view name;
  Metric Block::*member;
};
template <class Block, class Metric>
Field(std::string_view, Metric Block::*) -> Field<Block, Metric>;

}  // namespace weir::stats

/// In a block's fields(), where S is the block: a member that is shown by its own name.
#define WEIR_STAT(member) \
  ::weir::stats::Field { #member, &S::member }
