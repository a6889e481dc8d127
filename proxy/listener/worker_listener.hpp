// SPDX-License-Identifier: Apache-2.0
// WorkerListener: one version of a listener on one worker, with its filters instantiated.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "proxy/filters/filter.hpp"
#include "proxy/listener/filter_chain_matcher.hpp"
#include "proxy/tcp/listener_use.hpp"

namespace weir::listener {

/// What the workers share of one version of a listener.
struct SharedListener {
  std::shared_ptr<const config::ListenerConfig> config;
  FilterChainMatcher matcher;  // points into `config`
  /// Connections of all versions of the listener, on all workers.
  std::shared_ptr<std::atomic<std::uint32_t>> connections;
};

struct ListenerFilterRun {
  std::unique_ptr<filters::ListenerFilterInstance> filter;
  const config::PortPredicate* disabled = nullptr;  // borrowed from the configuration
};

/// A filter chain at work. Versions of a listener that have the same chain share it: what its
/// filters remember survives the change.
struct ChainRun {
  std::shared_ptr<const SharedListener> made_for;            // `instance` points into it
  std::unique_ptr<filters::NetworkFilterInstance> instance;  // null: a chain without filters
};

class WorkerListener;

/// Where listeners that nobody uses any more wait for the end of the turn: their last user may
/// still be on its way out of them. Worker thread only.
class RetiredListeners {
 public:
  void add(WorkerListener& listener) { waiting_.push_back(&listener); }
  void destroy_all();

 private:
  std::vector<WorkerListener*> waiting_;
};

/// Counts its references: the worker's own, while this version is in force, and one for each
/// connection.
class WorkerListener final : public tcp::WorkerRef {
 public:
  /// The maker holds the first reference.
  WorkerListener(std::shared_ptr<const SharedListener> made_of, RetiredListeners& retired)
      : shared(std::move(made_of)), retired_(retired) {
    runtime.config = shared->config.get();
    runtime.owner = this;
  }

  void retain() noexcept override { ++references_; }
  void release() noexcept override {
    if (--references_ == 0) retired_.add(*this);
  }

  [[nodiscard]] filters::NetworkFilterInstance* instance_of(
      const config::FilterChainConfig& chain) const {
    const auto& configured = runtime.config->filter_chains;
    const bool is_default =
        runtime.config->default_filter_chain && &*runtime.config->default_filter_chain == &chain;
    return chains[is_default ? configured.size()
                             : static_cast<std::size_t>(&chain - configured.data())]
        ->instance.get();
  }

  const std::shared_ptr<const SharedListener> shared;
  tcp::ListenerRuntime runtime;
  std::vector<ListenerFilterRun> listener_filters;
  /// One per filter chain in configuration order, then one for the default chain.
  std::vector<std::shared_ptr<ChainRun>> chains;
  /// The socket's own address must be asked for, because no filter will restore one first.
  bool wants_local_address = false;

 private:
  friend class RetiredListeners;
  ~WorkerListener() = default;

  RetiredListeners& retired_;
  std::size_t references_ = 1;
};

inline void RetiredListeners::destroy_all() {
  // One may be the last to hold what another needs: those come with the next round.
  while (!waiting_.empty()) {
    std::vector<WorkerListener*> now;
    now.swap(waiting_);
    for (WorkerListener* listener : now) delete listener;
  }
}

}  // namespace weir::listener
