// SPDX-License-Identifier: Apache-2.0
// MetricList: gathers metrics from blocks, each field summed over the blocks of one scope.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "proxy/stats/histogram.hpp"
#include "proxy/stats/http_blocks.hpp"
#include "proxy/stats/metrics.hpp"

namespace weir::stats {

/// Where metrics hang: what stands before the names of its fields, and the labels.
struct Scope {
  std::string name;  // "listener.0.0.0.0_15001."
  std::string base;  // "listener."
  std::vector<Label> labels;

  /// A group without instances: tls_inspector.*
  static Scope of(std::string_view group);
  /// `instance` is shown as it is, but for ':', which no name of Envoy's has.
  static Scope of(std::string_view group, std::string_view instance, std::string_view label);
  /// The scope `group` within this one.
  [[nodiscard]] Scope within(std::string_view group) const;
  [[nodiscard]] Scope within(std::string_view group, std::string_view instance,
                             std::string_view label) const;
};

/// A gauge is never negative to a reader: a worker may be read between its two halves of a move.
inline std::uint64_t shown(std::int64_t sum) {
  return sum < 0 ? 0 : static_cast<std::uint64_t>(sum);
}
inline std::uint64_t shown(std::uint64_t sum) { return sum; }

/// The blocks of one scope, those that exist.
template <class Block>
using Blocks = std::vector<const Block*>;

template <class Block, class Array>
Blocks<Block> blocks_of(const Array* blocks, std::size_t count) {
  Blocks<Block> out;
  for (std::size_t i = 0; i < count; ++i) out.push_back(&blocks[i]);
  return out;
}

template <class Block, class Metric>
std::uint64_t sum_of(const Blocks<Block>& blocks, Metric Block::*member) {
  decltype(std::declval<Metric>().value()) sum = 0;
  for (const Block* block : blocks) sum += (block->*member).value();
  return shown(sum);
}

/// Keeps what is wanted of what is added.
class MetricList {
 public:
  /// `wanted` outlives it; nullptr: everything is.
  explicit MetricList(const MetricSelector* wanted) : wanted_(wanted) {}

  /// false: nothing of the scope is wanted, so that adding it may be spared.
  [[nodiscard]] bool wants(const Scope& scope) const;
  void add(const Scope& scope, std::string_view field, MetricKind kind, std::uint64_t value);
  /// upstream_rq_200: base upstream_rq, and a label for the code.
  void add_code(const Scope& scope, std::string_view field, unsigned code, std::uint64_t value);
  /// downstream_rq_2xx: base downstream_rq_xx, and a label for the class (1 … 5).
  void add_class(const Scope& scope, std::string_view field, unsigned code_class,
                 std::uint64_t value);
  void add_classes(const Scope& scope, std::string_view field,
                   std::span<const ResponseClasses* const> classes);
  void add_histogram(const Scope& scope, std::string_view field,
                     std::span<const Histogram* const> parts);

  /// Every field of the blocks. A gauge counts as used when anything in its block does.
  template <class Block>
  void add_block(const Scope& scope, const Blocks<Block>& blocks) {
    if (!wants(scope)) return;
    const std::size_t first = metrics_.size();
    std::apply(
        [&](const auto&... field) { (add_field(scope, field.name, blocks, field.member), ...); },
        Block::fields());
    use_gauges_since(first);
    drop_unwanted(first);
  }

  /// Sorted by name.
  [[nodiscard]] std::vector<Metric> take();
  Metric& last() { return metrics_.back(); }

 private:
  template <class Block>
  void add_field(const Scope& scope, std::string_view name, const Blocks<Block>& blocks,
                 Counter Block::*member) {
    add(scope, name, MetricKind::counter, sum_of(blocks, member));
  }
  template <class Block>
  void add_field(const Scope& scope, std::string_view name, const Blocks<Block>& blocks,
                 Gauge Block::*member) {
    add(scope, name, MetricKind::gauge, sum_of(blocks, member));
  }
  template <class Block>
  void add_field(const Scope& scope, std::string_view name, const Blocks<Block>& blocks,
                 Histogram Block::*member) {
    std::vector<const Histogram*> parts;
    for (const Block* block : blocks) parts.push_back(&(block->*member));
    add_histogram(scope, name, parts);
  }
  void use_gauges_since(std::size_t first);
  void drop_unwanted(std::size_t first);

  const MetricSelector* wanted_;
  std::vector<Metric> metrics_;
};

}  // namespace weir::stats
