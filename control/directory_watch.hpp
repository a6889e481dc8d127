// SPDX-License-Identifier: Apache-2.0
// DirectoryWatch: calls back when the files of a directory may have changed and have come to rest.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>

#include "common/result.hpp"

namespace asio {
class io_context;
}

namespace weir::control {

/// Sees files that are renamed into place, written in place or removed, links that are swapped
/// (a ConfigMap's `..data`, or the directory itself), and looks again every few seconds, for what
/// the kernel does not tell: links to files elsewhere, network file systems.
class DirectoryWatch {
 public:
  /// @param being_written files that were written to and are still open.
  using Callback = std::function<void(const std::set<std::string>& being_written)>;

  /// Both outlive the watch.
  static Result<std::unique_ptr<DirectoryWatch>> start(asio::io_context& io,
                                                       const std::string& path, Callback callback);
  virtual ~DirectoryWatch() = default;
  DirectoryWatch(const DirectoryWatch&) = delete;
  DirectoryWatch& operator=(const DirectoryWatch&) = delete;

 protected:
  DirectoryWatch() = default;
};

}  // namespace weir::control
