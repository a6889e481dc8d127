// SPDX-License-Identifier: Apache-2.0
#include "proxy/admin/request_parser.hpp"

#include <algorithm>

namespace weir::admin {
namespace {

bool equals_ignoring_case(std::string_view a, std::string_view lower) {
  return std::equal(a.begin(), a.end(), lower.begin(), lower.end(), [](char x, char y) {
    return (x >= 'A' && x <= 'Z' ? static_cast<char>(x - 'A' + 'a') : x) == y;
  });
}

}  // namespace

RequestParser& RequestParser::self(llhttp_t* parser) {
  return *static_cast<RequestParser*>(parser->data);
}

const llhttp_settings_t& RequestParser::settings() {
  static const llhttp_settings_t made = [] {
    llhttp_settings_t s;
    llhttp_settings_init(&s);
    s.on_method = [](llhttp_t* p, const char* at, std::size_t n) {
      self(p).request_.method.append(at, n);
      return 0;
    };
    s.on_url = [](llhttp_t* p, const char* at, std::size_t n) {
      self(p).request_.target.append(at, n);
      return 0;
    };
    s.on_header_field = [](llhttp_t* p, const char* at, std::size_t n) {
      self(p).field_.append(at, n);
      return 0;
    };
    s.on_header_field_complete = [](llhttp_t* p) {
      self(p).begin_value();
      return 0;
    };
    s.on_header_value = [](llhttp_t* p, const char* at, std::size_t n) {
      RequestParser& parser = self(p);
      if (parser.header_ == Header::host) parser.request_.host.append(at, n);
      if (parser.header_ == Header::origin) parser.request_.origin.append(at, n);
      if (parser.header_ == Header::content_type) parser.request_.content_type.append(at, n);
      return 0;
    };
    s.on_headers_complete = [](llhttp_t* p) {
      self(p).in_head_ = false;
      return 0;
    };
    s.on_body = [](llhttp_t* p, const char* at, std::size_t n) {
      return self(p).take_body({at, n}) ? 0 : static_cast<int>(HPE_USER);
    };
    s.on_message_complete = [](llhttp_t*) { return static_cast<int>(HPE_PAUSED); };
    return s;
  }();
  return made;
}

RequestParser::RequestParser(Bodies bodies, std::size_t max_body_bytes)
    : bodies_(bodies), max_body_bytes_(max_body_bytes) {
  llhttp_init(&parser_, HTTP_REQUEST, &settings());
  parser_.data = this;
}

void RequestParser::begin_value() {
  header_ = equals_ignoring_case(field_, "host")           ? Header::host
            : equals_ignoring_case(field_, "origin")       ? Header::origin
            : equals_ignoring_case(field_, "content-type") ? Header::content_type
                                                           : Header::other;
  hosts_ += header_ == Header::host ? 1 : 0;
  field_.clear();
}

bool RequestParser::take_body(std::string_view part) {
  body_bytes_ += part.size();
  if (body_bytes_ > max_body_bytes_) return false;
  if (bodies_ == Bodies::kept) request_.body += part;
  return true;
}

RequestParser::Fed RequestParser::feed(std::string_view bytes) {
  if (done_) {
    request_ = Request();
    head_bytes_ = body_bytes_ = hosts_ = 0;
    in_head_ = true;
    done_ = false;
    llhttp_resume(&parser_);
  }
  if (bytes.empty()) return {};
  started_ = true;
  // llhttp takes a head of any length: it never sees more of one than we allow.
  const bool was_in_head = in_head_;
  const std::size_t limit =
      was_in_head ? std::min(bytes.size(), kMaxHeadBytes - head_bytes_) : bytes.size();
  const llhttp_errno_t error = llhttp_execute(&parser_, bytes.data(), limit);
  const bool paused = error == HPE_PAUSED || error == HPE_PAUSED_UPGRADE;
  const std::size_t consumed =
      paused ? static_cast<std::size_t>(llhttp_get_error_pos(&parser_) - bytes.data()) : limit;

  if (error == HPE_USER) return {Step::body_too_large, consumed};
  if (error != HPE_OK && !paused) return {Step::malformed, consumed};
  if (was_in_head) head_bytes_ += consumed;
  if (in_head_ && head_bytes_ == kMaxHeadBytes) return {Step::head_too_large, consumed};
  if (!paused) return {Step::need_more, consumed};

  const bool needs_host = parser_.http_major == 1 && parser_.http_minor >= 1;
  if (hosts_ > 1 || (needs_host && hosts_ == 0)) return {Step::malformed, consumed};
  request_.keep_alive = error == HPE_PAUSED && llhttp_should_keep_alive(&parser_) != 0;
  started_ = false;
  done_ = true;
  return {Step::complete, consumed};
}

}  // namespace weir::admin
