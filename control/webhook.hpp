// SPDX-License-Identifier: Apache-2.0
// Webhook: the HTTPS server that answers the API server's reviews.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "common/result.hpp"
#include "control/https_server.hpp"
#include "control/key_pair.hpp"
#include "control/webhook_options.hpp"

namespace weir::control {

/// `POST /inject`, `GET /healthz`; a line in the log for each review. Main thread.
class Webhook {
 public:
  /// `io` outlives it. Error = the address or the certificate cannot be had, and why.
  static Result<std::unique_ptr<Webhook>> start(asio::io_context& io,
                                                const WebhookOptions& options);

  [[nodiscard]] std::uint16_t port() const { return server_->port(); }
  /// Lines for `weir-control status`.
  [[nodiscard]] std::string status() const;
  /// Clients are to go elsewhere next time.
  void begin_to_leave() { server_->begin_to_leave(); }
  /// Answers the reviews that have begun, and no other; then calls back.
  void finish(std::function<void()> finished) { server_->finish(std::move(finished)); }

 private:
  explicit Webhook(const WebhookOptions& options) : options_(options) {}
  admin::Response answer(const admin::Request& request);
  admin::Response review(const admin::Request& request);

  const WebhookOptions options_;
  std::uint64_t injected_ = 0, unchanged_ = 0, refused_ = 0, malformed_ = 0;
  std::unique_ptr<KeyPair> pair_;
  std::unique_ptr<HttpsServer> server_;
};

}  // namespace weir::control
