// SPDX-License-Identifier: Apache-2.0
#include "proxy/upstream/health/http_check.hpp"

#include <algorithm>

#include "proxy/upstream/health/status_verdict.hpp"

namespace weir::upstream {
namespace {

bool equals_ignoring_case(std::string_view a, std::string_view lower) {
  return std::equal(a.begin(), a.end(), lower.begin(), lower.end(), [](char x, char y) {
    return (x >= 'A' && x <= 'Z' ? static_cast<char>(x - 'A' + 'a') : x) == y;
  });
}

bool announces_a_body(const std::string& method) {
  return method == "POST" || method == "PUT" || method == "PATCH";
}

std::string request_text(const config::HealthCheckConfig& config, const std::string& host) {
  std::string text = config.method + " " + config.path + " HTTP/1.1\r\nhost: " + host +
                     // Servers tell checks from traffic by this name.
                     "\r\nuser-agent: Envoy/HC\r\n";
  for (const auto& [name, value] : config.request_headers) text += name + ": " + value + "\r\n";
  if (announces_a_body(config.method)) text += "content-length: 0\r\n";
  return text + "\r\n";
}

}  // namespace

HttpCheck::HttpCheck(const config::HealthCheckConfig& config, const std::string& host)
    : config_(config), request_(request_text(config, host)) {
  llhttp_init(&parser_, HTTP_RESPONSE, &settings());
  parser_.data = this;
}

HttpCheck& HttpCheck::self(llhttp_t* parser) { return *static_cast<HttpCheck*>(parser->data); }

const llhttp_settings_t& HttpCheck::settings() {
  static const llhttp_settings_t made = [] {
    llhttp_settings_t s;
    llhttp_settings_init(&s);
    s.on_header_field = [](llhttp_t* p, const char* at, std::size_t n) {
      self(p).field_.append(at, n);
      return 0;
    };
    s.on_header_field_complete = [](llhttp_t* p) {
      self(p).end_header_name();
      return 0;
    };
    s.on_headers_complete = [](llhttp_t* p) {
      self(p).in_head_ = false;
      // 1: no body follows.
      return self(p).config_.method == "HEAD" ? 1 : 0;
    };
    s.on_message_complete = [](llhttp_t* p) {
      HttpCheck& check = self(p);
      if (p->status_code < 200) {
        check.in_head_ = true;  // the real answer follows
        return 0;
      }
      check.complete_ = true;
      check.keep_alive_ = llhttp_should_keep_alive(p) != 0;
      return static_cast<int>(HPE_PAUSED);
    };
    return s;
  }();
  return made;
}

void HttpCheck::end_header_name() {
  degraded_ |= equals_ignoring_case(field_, "x-envoy-degraded");
  immediate_failure_ |= equals_ignoring_case(field_, "x-envoy-immediate-health-check-fail");
  field_.clear();
}

std::string HttpCheck::begin() {
  llhttp_reset(&parser_);
  field_.clear();
  head_bytes_ = 0;
  in_head_ = true;
  complete_ = degraded_ = immediate_failure_ = false;
  keep_alive_ = true;
  return request_;
}

std::optional<CheckResult> HttpCheck::feed(std::string_view bytes) {
  if (in_head_) head_bytes_ += bytes.size();
  if (in_head_ && head_bytes_ > kMaxHeadBytes)
    return broken("its head is longer than " + std::to_string(kMaxHeadBytes) + " bytes");
  const llhttp_errno_t error = llhttp_execute(&parser_, bytes.data(), bytes.size());
  if (complete_) {
    // What follows an answer that nobody asked for would be taken for the next one.
    const auto end = llhttp_get_error_pos(&parser_);
    keep_alive_ = keep_alive_ && end == bytes.data() + bytes.size();
    return judge();
  }
  if (error == HPE_OK) return std::nullopt;
  return broken(llhttp_get_error_reason(&parser_));
}

CheckResult HttpCheck::closed() {
  // An answer without a length ends with the connection.
  llhttp_finish(&parser_);
  return complete_ ? judge() : CheckProtocol::closed();
}

CheckResult HttpCheck::broken(std::string_view what) {
  return {CheckResult::Kind::network, "the answer is not HTTP: " + std::string(what), false};
}

CheckResult HttpCheck::judge() const {
  return judge_status(config_, {parser_.status_code, degraded_, immediate_failure_});
}

}  // namespace weir::upstream
