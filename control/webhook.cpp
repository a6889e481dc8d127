// SPDX-License-Identifier: Apache-2.0
#include "control/webhook.hpp"

#include <chrono>

#include "common/log.hpp"

namespace weir::control {
namespace {

using admin::Request;
using admin::Response;
using log::Component;

Response text(unsigned status, std::string line) {
  return {.status = status, .body = std::move(line) + "\n"};
}

/// The API server adds ?timeout=10s.
std::string_view path_of(const Request& request) {
  return std::string_view(request.target).substr(0, request.target.find('?'));
}

bool says_json(std::string_view content_type) {
  return content_type.substr(0, content_type.find(';')) == admin::kJson;
}

}  // namespace

Result<std::unique_ptr<Webhook>> Webhook::start(asio::io_context& io,
                                                const WebhookOptions& options) {
  std::unique_ptr<Webhook> made(new Webhook(options));
  Webhook& webhook = *made;
  TRY(webhook.pair_, KeyPair::start(io, options.files, [&webhook] {
        webhook.server_->use(webhook.pair_->context());
      }));
  TRY(webhook.server_,
      HttpsServer::start(io, options.address, webhook.pair_->context(),
                         [&webhook](const Request& request) { return webhook.answer(request); }));
  return made;
}

Response Webhook::answer(const Request& request) {
  const std::string_view path = path_of(request);
  const bool is_get = request.method == "GET" || request.method == "HEAD";
  if (path == "/healthz") return is_get ? text(200, "ok") : text(405, "/healthz: only GET");
  if (path != "/inject") return text(404, "POST /inject or GET /healthz");
  if (request.method != "POST") return text(405, "/inject: only POST");
  if (!says_json(request.content_type))
    return text(415, "/inject: expected content-type application/json");
  return review(request);
}

Response Webhook::review(const Request& request) {
  const auto begin = std::chrono::steady_clock::now();
  Result<ReviewAnswer> answer = answer_review(request.body, options_.admission);
  if (!answer) {
    ++malformed_;
    log::warning(Component::main, "webhook: {}", answer.error().message);
    return text(400, answer.error().message);
  }
  ++(answer->decision == Decision::injected    ? injected_
     : answer->decision == Decision::unchanged ? unchanged_
                                               : refused_);
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begin;
  log::info(Component::main, "webhook: {}: {}{}{}{}, {:.1f} ms", answer->subject,
            to_string(answer->decision), answer->dry_run ? " (dry run)" : "",
            answer->reason.empty() ? "" : ": ", answer->reason, took.count());
  return {.content_type = admin::kJson, .body = std::move(answer->body)};
}

std::string Webhook::status() const {
  const HttpsServer::Counts& counts = server_->counts();
  std::string out = "webhook: " + std::to_string(injected_) + " injected, " +
                    std::to_string(unchanged_) + " unchanged, " + std::to_string(refused_) +
                    " refused, " + std::to_string(malformed_) + " malformed\n";
  out += "webhook connections: " + std::to_string(counts.failed_handshakes) +
         " failed handshakes, " + std::to_string(counts.too_slow) + " too slow, " +
         std::to_string(counts.crowded_out) + " crowded out\n";
  return out + "webhook certificate: " + pair_->validity() + "\n";
}

}  // namespace weir::control
