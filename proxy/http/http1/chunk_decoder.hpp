// SPDX-License-Identifier: Apache-2.0
// ChunkDecoder: a chunked body (RFC 9112 §7.1) as it arrives, in pieces of any size.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "proxy/http/http1/head_parser.hpp"

namespace weir::http {

/// Sans-I/O. Strict: CR LF only, at most 16 hex digits, no blanks around a size; chunk extensions
/// are passed over, up to a limit in all. Holds memory only while trailers are incomplete.
class ChunkDecoder {
 public:
  enum class Step : std::uint8_t {
    data,       // `piece` is body
    need_more,  // every byte was taken
    trailers,   // the end of the body and of its trailers, which trailers() has; may be none
    failed,
  };
  struct Result {
    Step step = Step::need_more;
    std::string_view piece;
    std::size_t consumed = 0;
    Http1Error error = Http1Error::none;
  };

  /// Takes a prefix of `bytes`; call again with the rest until it answers need_more or trailers.
  Result decode(std::string_view bytes);
  /// The lines of the trailers with their empty line: for parse_trailers. Valid until decode().
  [[nodiscard]] std::string_view trailers() const noexcept { return trailers_; }

 private:
  enum class State : std::uint8_t {
    size_begin,
    size,
    size_blank,
    extension,
    size_lf,
    data,
    data_cr,
    data_lf,
    trailers,
    done
  };
  static constexpr std::uint32_t kMostExtensionBytes = 4096;
  static constexpr std::size_t kMostTrailerBytes = 16 * 1024;

  Result fail(Http1Error error) noexcept;
  bool framing_byte(char c) noexcept;
  bool end_of_size() noexcept;
  Result take_trailers(std::string_view bytes, std::size_t consumed);

  std::uint64_t left_ = 0;  // of the chunk, or the size so far
  std::uint32_t extension_bytes_ = 0;
  std::uint8_t digits_ = 0;
  State state_ = State::size_begin;
  std::string trailers_;
};

}  // namespace weir::http
