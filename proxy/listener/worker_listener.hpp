// SPDX-License-Identifier: Apache-2.0
// WorkerListener: one listener on one worker, with its filters instantiated.
#pragma once

#include <memory>
#include <vector>

#include "proxy/filters/filter.hpp"
#include "proxy/listener/filter_chain_matcher.hpp"
#include "proxy/tcp/listener_use.hpp"

namespace weir::listener {

struct ListenerFilterRun {
  std::unique_ptr<filters::ListenerFilterInstance> filter;
  const config::PortPredicate* disabled = nullptr;  // borrowed from the configuration
};

/// Owned by the worker's configuration; stays in place while connections use it.
struct WorkerListener {
  tcp::ListenerRuntime runtime;
  const FilterChainMatcher* matcher = nullptr;
  std::vector<ListenerFilterRun> listener_filters;
  /// One per filter chain in configuration order, then one for the default chain. Null: a chain
  /// without filters.
  std::vector<std::unique_ptr<filters::NetworkFilterInstance>> chains;
  /// The socket's own address must be asked for, because no filter will restore one first.
  bool wants_local_address = false;

  [[nodiscard]] filters::NetworkFilterInstance* instance_of(
      const config::FilterChainConfig& chain) const {
    const auto& configured = runtime.config->filter_chains;
    const bool is_default =
        runtime.config->default_filter_chain && &*runtime.config->default_filter_chain == &chain;
    return chains[is_default ? configured.size()
                             : static_cast<std::size_t>(&chain - configured.data())]
        .get();
  }
};

}  // namespace weir::listener
