// SPDX-License-Identifier: Apache-2.0
// PipePool: the pipes through which bulk data is spliced. A pipe is held only while it has work.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "common/unique_fd.hpp"

namespace weir::io {

/// A pipe and what it holds. Capacity in bytes, as the kernel granted it.
struct Pipe {
  UniqueFd read_end;
  UniqueFd write_end;
  std::size_t capacity = 0;
  std::size_t held = 0;
};

/// Makes pipes of 1 MB where the kernel allows it (pipe-user-pages-soft limits unprivileged users)
/// and keeps a few empty ones. Single thread.
class PipePool {
 public:
  /// nullptr when no descriptor is left: the caller copies instead.
  std::unique_ptr<Pipe> take();
  /// A pipe that still holds bytes is closed, an empty one is kept.
  void give_back(std::unique_ptr<Pipe> pipe);

 private:
  static constexpr std::size_t kSpare = 16;
  std::vector<std::unique_ptr<Pipe>> spare_;
};

}  // namespace weir::io
