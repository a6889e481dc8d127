// SPDX-License-Identifier: Apache-2.0
#include "proxy/http/http1/chunk_decoder.hpp"

#include <algorithm>

#include "proxy/http/http1/characters.hpp"

namespace weir::http {
namespace {

int hex_value(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

ChunkDecoder::Result ChunkDecoder::fail(Http1Error error) noexcept {
  Result result;
  result.step = Step::failed;
  result.error = error;
  return result;
}

bool ChunkDecoder::end_of_size() noexcept {
  state_ = left_ == 0 ? State::trailers : State::data;
  digits_ = 0;
  return true;
}

/// One byte that is not body. false: it may not stand there.
bool ChunkDecoder::framing_byte(char c) noexcept {
  switch (state_) {
    case State::size_begin:
    case State::size: {
      const int value = hex_value(c);
      if (value >= 0) {
        if (++digits_ > 16) return false;
        left_ = left_ * 16 + static_cast<std::uint64_t>(value);
        state_ = State::size;
        return true;
      }
      if (state_ == State::size_begin) return false;
      if (c == ';')
        state_ = State::extension;
      else if (c == ' ' || c == '\t')
        state_ = State::size_blank;
      else if (c == '\r')
        state_ = State::size_lf;
      else
        return false;
      return true;
    }
    case State::size_blank:  // only before an extension (RFC 9112 §7.1.1)
      if (c == ';') state_ = State::extension;
      return (c == ';' || c == ' ' || c == '\t') && ++extension_bytes_ <= kMostExtensionBytes;
    case State::extension:
      if (c == '\r') {
        state_ = State::size_lf;
        return true;
      }
      return (!is_control(c) || c == '\t') && ++extension_bytes_ <= kMostExtensionBytes;
    case State::size_lf:
      return c == '\n' && end_of_size();
    case State::data_cr:
      state_ = State::data_lf;
      return c == '\r';
    case State::data_lf:
      state_ = State::size_begin;
      return c == '\n';
    case State::data:
    case State::trailers:
    case State::done:
      break;
  }
  return false;
}

ChunkDecoder::Result ChunkDecoder::take_trailers(std::string_view bytes, std::size_t consumed) {
  // Usually just the empty line.
  for (std::size_t i = consumed; i < bytes.size(); ++i) {
    const char c = bytes[i];
    if (c == '\n' && !trailers_.ends_with('\r')) return fail(Http1Error::bad_chunk);
    trailers_ += c;
    if (trailers_.size() > kMostTrailerBytes) return fail(Http1Error::trailers_too_large);
    const bool end = trailers_ == "\r\n" || trailers_.ends_with("\r\n\r\n");
    if (!end) continue;
    state_ = State::done;
    return {Step::trailers, {}, i + 1, Http1Error::none};
  }
  return {Step::need_more, {}, bytes.size(), Http1Error::none};
}

ChunkDecoder::Result ChunkDecoder::decode(std::string_view bytes) {
  for (std::size_t at = 0; at < bytes.size();) {
    if (state_ == State::data) {
      const auto take = static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size() - at));
      left_ -= take;
      if (left_ == 0) state_ = State::data_cr;
      return {Step::data, bytes.substr(at, take), at + take, Http1Error::none};
    }
    if (state_ == State::trailers) return take_trailers(bytes, at);
    if (!framing_byte(bytes[at++])) return fail(Http1Error::bad_chunk);
  }
  return {Step::need_more, {}, bytes.size(), Http1Error::none};
}

}  // namespace weir::http
