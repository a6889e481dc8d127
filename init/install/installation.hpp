// SPDX-License-Identifier: Apache-2.0
// Everything that an installation touches, as one thing that can be put in place and put back: the
// rules of either backend and the routing.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/result.hpp"
#include "init/cli/cli.hpp"
#include "init/install/install.hpp"
#include "init/routing/routing_state.hpp"
#include "init/rules/backend.hpp"

namespace weir::init {

/// Errors of all of these carry errno, as Backend's do. The caller holds the lock of the namespace.
class Installation {
 public:
  /// Chooses the backend and notes what is there now.
  static Result<Installation> open(const Options& options);

  /// Rules and routing as `config` wants them, in the chosen backend alone. After an error all is
  /// as it was.
  Result<InstallReport> apply(const RedirectConfig& config);
  /// What clean_up() removed: the places of rules, and one line for each part of the routing.
  struct Removed {
    std::vector<std::string> places;
    std::vector<std::string> routing;
  };
  /// Removes everything of ours, of both backends. After an error all is as it was.
  Result<Removed> clean_up();
  /// Back to what open() found.
  Result<void> take_back();

  [[nodiscard]] Backend& backend() { return *backend_; }
  /// What apply() changed in the routing, and what else is to be said.
  [[nodiscard]] const std::vector<std::string>& notes() const { return notes_; }

 private:
  Installation() = default;
  Result<InstallReport> change(const RedirectConfig& config);
  Result<Removed> remove_all();
  Result<void> remove_from(Backend& backend, std::vector<std::string>& places);

  std::unique_ptr<Backend> backend_;
  std::unique_ptr<Backend> left_;  // the other one, when it held our rules
  Observed before_;
  Observed left_before_;
  RoutingState routing_before_;
  std::vector<std::string> notes_;
};

}  // namespace weir::init
