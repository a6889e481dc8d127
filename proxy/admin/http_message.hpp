// SPDX-License-Identifier: Apache-2.0
// Request and Response of the admin server (and of weir-control's webhook), and how a response
// looks on the wire.
#pragma once

#include <string>
#include <string_view>

namespace weir::admin {

struct Request {
  std::string method;  // "GET", "HEAD", "POST" …
  std::string target;  // as sent: "/stats?usedonly"
  std::string host;    // Host header, "" = none
  std::string origin;  // Origin header, "" = none
  bool keep_alive = false;
  std::string content_type;  // as sent, "" = none
  std::string body;          // where the parser keeps bodies
};

inline constexpr std::string_view kPlainText = "text/plain; charset=UTF-8";
inline constexpr std::string_view kHtml = "text/html; charset=UTF-8";
inline constexpr std::string_view kJson = "application/json";
inline constexpr std::string_view kPrometheus = "text/plain; version=0.0.4; charset=utf-8";

struct Response {
  unsigned status = 200;
  std::string_view content_type = kPlainText;  // one of the constants
  std::string body;
};

/// Status line, headers and body; the body is left out for HEAD.
std::string render_response(const Response& response, bool keep_alive, bool head);

}  // namespace weir::admin
