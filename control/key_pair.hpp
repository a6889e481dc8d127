// SPDX-License-Identifier: Apache-2.0
// A server's certificate and key: two files that may be replaced while it runs.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "common/result.hpp"
#include "control/directory_watch.hpp"
#include "control/webhook_options.hpp"

namespace asio::ssl {
class context;
}

namespace weir::control {

/// What new connections are served with.
using TlsContext = std::shared_ptr<asio::ssl::context>;

/// Watches both files, also where a Secret's links are swapped. Main thread.
class KeyPair {
 public:
  /// @param changed is told of each good pair but the first. A bad one is a line in the log, and
  /// changes nothing. `io` outlives it. Error = the first pair cannot be used, and why.
  static Result<std::unique_ptr<KeyPair>> start(asio::io_context& io, const KeyPairFiles& files,
                                                std::function<void()> changed);

  /// TLS 1.2 and later, with the pair in force.
  [[nodiscard]] const TlsContext& context() const { return context_; }
  /// "valid until 2036-11-26".
  [[nodiscard]] std::string validity() const;

 private:
  KeyPair(const KeyPairFiles& files, std::function<void()> changed)
      : files_(files), changed_(std::move(changed)) {}
  Result<void> watch(asio::io_context& io);
  Result<bool> read();
  void look(const std::set<std::string>& being_written);

  const KeyPairFiles files_;
  const std::function<void()> changed_;
  std::string certificate_, key_, last_problem_;  // the texts that were read last
  TlsContext context_;
  std::vector<std::unique_ptr<DirectoryWatch>> watches_;
};

}  // namespace weir::control
