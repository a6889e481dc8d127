// SPDX-License-Identifier: Apache-2.0
#include "proxy/admin/http_message.hpp"

namespace weir::admin {
namespace {

std::string_view reason_phrase(unsigned status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 413:
      return "Payload Too Large";
    case 415:
      return "Unsupported Media Type";
    case 431:
      return "Request Header Fields Too Large";
    case 503:
      return "Service Unavailable";
    default:
      return "Unknown";
  }
}

}  // namespace

std::string render_response(const Response& response, bool keep_alive, bool head) {
  std::string out = "HTTP/1.1 " + std::to_string(response.status) + " ";
  out += reason_phrase(response.status);
  out += "\r\ncontent-type: ";
  out += response.content_type;
  out += "\r\ncontent-length: " + std::to_string(response.body.size());
  // What is shown changes with every request, and must not be taken for a script by a browser.
  out += "\r\ncache-control: no-cache, max-age=0\r\nx-content-type-options: nosniff\r\n";
  out += keep_alive ? "\r\n" : "connection: close\r\n\r\n";
  if (!head) out += response.body;
  return out;
}

}  // namespace weir::admin
