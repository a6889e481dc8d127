// SPDX-License-Identifier: Apache-2.0
// RequestParser: bytes of one connection in, requests out. No I/O.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

#include <llhttp.h>

#include "proxy/admin/http_message.hpp"

namespace weir::admin {

/// HTTP/1.x, strict. Bodies are read and thrown away, as no admin endpoint takes one, or kept.
class RequestParser {
 public:
  static constexpr std::size_t kMaxHeadBytes = 16 * 1024;
  static constexpr std::size_t kMaxBodyBytes = 64 * 1024;

  enum class Step {
    need_more,       // feed what was not consumed, then what comes next
    complete,        // take request(); feed the rest for the next one
    malformed,       // 400
    head_too_large,  // 431
    body_too_large,  // 413
  };
  struct Fed {
    Step step = Step::need_more;
    std::size_t consumed = 0;
  };

  enum class Bodies : std::uint8_t { thrown_away, kept };

  explicit RequestParser(Bodies bodies = Bodies::thrown_away,
                         std::size_t max_body_bytes = kMaxBodyBytes);
  RequestParser(const RequestParser&) = delete;  // llhttp points back at us
  RequestParser& operator=(const RequestParser&) = delete;

  /// After malformed, head_too_large or body_too_large nothing more may be fed.
  Fed feed(std::string_view bytes);
  /// Valid after `complete`, until the next feed().
  [[nodiscard]] const Request& request() const noexcept { return request_; }
  /// Its memory with it. After `complete`, once.
  [[nodiscard]] Request take_request() noexcept { return std::move(request_); }
  /// True between the first byte of a request and its end.
  [[nodiscard]] bool in_request() const noexcept { return started_; }

 private:
  enum class Header { other, host, origin, content_type };
  static const llhttp_settings_t& settings();
  static RequestParser& self(llhttp_t* parser);
  bool take_body(std::string_view part);
  void begin_value();

  const Bodies bodies_;
  const std::size_t max_body_bytes_;
  llhttp_t parser_{};
  Request request_;
  std::string field_;
  Header header_ = Header::other;
  std::size_t head_bytes_ = 0;
  std::size_t body_bytes_ = 0;
  unsigned hosts_ = 0;
  bool in_head_ = true;
  bool started_ = false;
  bool done_ = false;  // the request was handed out; the next feed begins another
};

}  // namespace weir::admin
