// SPDX-License-Identifier: Apache-2.0
#include "proxy/tls/client_hello.hpp"

#include <algorithm>
#include <iterator>
#include <optional>

namespace weir::tls {
namespace {

using Bytes = std::span<const std::byte>;
using Kind = ClientHelloResult::Kind;

constexpr std::size_t kRecordHeader = 5;
constexpr std::size_t kHandshakeHeader = 4;
constexpr std::size_t kMaxRecord = 1u << 14;  // RFC 8446 §5.1
constexpr std::uint8_t kHandshakeRecord = 22;
constexpr std::uint8_t kClientHello = 1;
constexpr std::uint8_t kMajorVersion = 3;
constexpr std::uint16_t kServerNameExtension = 0;
constexpr std::uint16_t kAlpnExtension = 16;
constexpr std::size_t kMaxHostName = 255;

/// Takes big-endian numbers and length-prefixed parts from the front. Once something is missing,
/// failed() stays true and all further reads give zero or nothing.
class Reader {
 public:
  explicit Reader(Bytes bytes) : rest_(bytes) {}

  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] bool at_end() const { return rest_.empty(); }

  Bytes take(std::size_t count) {
    if (count > rest_.size()) {
      failed_ = true;
      rest_ = {};
    }
    if (failed_) return {};
    const Bytes front = rest_.first(count);
    rest_ = rest_.subspan(count);
    return front;
  }
  std::uint32_t number(std::size_t width) {
    std::uint32_t value = 0;
    for (const std::byte b : take(width)) value = value << 8 | std::to_integer<std::uint32_t>(b);
    return value;
  }
  /// A part that is preceded by its length in `width` bytes.
  Bytes part(std::size_t width) { return take(number(width)); }

 private:
  Bytes rest_;
  bool failed_ = false;
};

std::uint8_t at(Bytes bytes, std::size_t index) {
  return std::to_integer<std::uint8_t>(bytes[index]);
}

ClientHelloResult malformed(std::string_view reason) {
  ClientHelloResult result;
  result.kind = Kind::malformed;
  result.reason = reason;
  return result;
}

ClientHelloResult need_more(std::size_t min_bytes) {
  ClientHelloResult result;
  result.kind = min_bytes > kMaxClientHelloBytes ? Kind::too_large : Kind::need_more;
  if (result.kind == Kind::need_more) result.min_bytes = min_bytes;
  return result;
}

/// nullopt when the bytes say TLS up to and including the type of the handshake message.
std::optional<ClientHelloResult> judge_first_bytes(Bytes bytes) {
  if (bytes.empty()) return need_more(1);
  if (at(bytes, 0) != kHandshakeRecord) return ClientHelloResult{};
  if (bytes.size() < 2) return need_more(2);
  if (at(bytes, 1) != kMajorVersion) return ClientHelloResult{};
  if (bytes.size() <= kRecordHeader) return need_more(kRecordHeader + 1);
  if (at(bytes, kRecordHeader) != kClientHello) return ClientHelloResult{};
  return std::nullopt;
}

/// The handshake message, joined from the records that carry it.
class Handshake {
 public:
  /// Adds the next fragment. Only the second one and those after it are copied.
  void add(Bytes fragment) {
    if (joined_.empty() && whole_.empty()) {
      whole_ = fragment;
      return;
    }
    if (joined_.empty()) joined_.assign(whole_.begin(), whole_.end());
    joined_.insert(joined_.end(), fragment.begin(), fragment.end());
  }
  [[nodiscard]] Bytes bytes() const { return joined_.empty() ? whole_ : Bytes(joined_); }
  /// How many bytes of the message are still to come, at least.
  [[nodiscard]] std::size_t missing() const {
    const std::size_t size = bytes().size();
    return size < kHandshakeHeader ? kHandshakeHeader - size : needed() - std::min(size, needed());
  }
  [[nodiscard]] Bytes body() const { return bytes().first(needed()).subspan(kHandshakeHeader); }

 private:
  [[nodiscard]] std::size_t needed() const {
    Reader header(bytes().subspan(1, 3));
    return kHandshakeHeader + header.number(3);
  }

  Bytes whole_;
  std::vector<std::byte> joined_;
};

bool is_host_character(std::byte b) {
  const auto value = std::to_integer<std::uint8_t>(b);
  return value > 0x20 && value < 0x7f;
}

char lower(std::byte b) {
  const char c = static_cast<char>(b);
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

/// "" on success, else the rule that was broken.
std::string_view read_server_name(Bytes extension, ClientHelloResult& result) {
  Reader reader(extension);
  Reader list(reader.part(2));
  const std::uint32_t type = list.number(1);
  const Bytes name = list.part(2);
  // One name, of type host_name: all that clients send and all that servers take.
  if (reader.failed() || list.failed() || !reader.at_end() || !list.at_end() || type != 0)
    return "server_name is not one host name";
  if (!result.server_name.empty()) return "server_name is repeated";
  if (name.empty() || name.size() > kMaxHostName) return "server_name is not 1 to 255 bytes long";
  if (!std::all_of(name.begin(), name.end(), is_host_character))
    return "server_name has a character that is not printable";
  std::transform(name.begin(), name.end(), std::back_inserter(result.server_name), lower);
  return {};
}

std::string_view read_protocols(Bytes extension, ClientHelloResult& result) {
  Reader reader(extension);
  Reader list(reader.part(2));
  if (reader.failed() || !reader.at_end() || list.at_end()) return "the ALPN list is cut short";
  if (!result.application_protocols.empty()) return "the ALPN list is repeated";
  while (!list.at_end()) {
    const Bytes name = list.part(1);
    if (list.failed() || name.empty()) return "the ALPN list has an empty or broken name";
    if (result.application_protocols.size() < kMaxApplicationProtocols)
      result.application_protocols.emplace_back(reinterpret_cast<const char*>(name.data()),
                                                name.size());
  }
  return {};
}

std::string_view read_extensions(Bytes bytes, ClientHelloResult& result) {
  Reader reader(bytes);
  while (!reader.at_end()) {
    const std::uint32_t type = reader.number(2);
    const Bytes extension = reader.part(2);
    if (reader.failed()) return "an extension is cut short";
    std::string_view broken;
    if (type == kServerNameExtension) broken = read_server_name(extension, result);
    if (type == kAlpnExtension) broken = read_protocols(extension, result);
    if (!broken.empty()) return broken;
  }
  return {};
}

ClientHelloResult parse_body(Bytes body) {
  Reader reader(body);
  const std::uint32_t version = reader.number(2);
  reader.take(32);  // random
  const Bytes session_id = reader.part(1);
  const Bytes cipher_suites = reader.part(2);
  const Bytes compression_methods = reader.part(1);
  if (reader.failed()) return malformed("the ClientHello is cut short");
  if (version >> 8 != kMajorVersion) return malformed("the ClientHello has an unknown version");
  if (session_id.size() > 32) return malformed("the session id is longer than 32 bytes");
  if (cipher_suites.empty() || cipher_suites.size() % 2 != 0)
    return malformed("the list of cipher suites is empty or odd");
  if (compression_methods.empty()) return malformed("the list of compression methods is empty");

  ClientHelloResult result;
  result.kind = Kind::found;
  if (reader.at_end()) return result;  // TLS 1.2 and before: extensions are optional
  const Bytes extensions = reader.part(2);
  if (reader.failed() || !reader.at_end())
    return malformed("the extensions do not fill the ClientHello");
  const std::string_view broken = read_extensions(extensions, result);
  return broken.empty() ? result : malformed(broken);
}

}  // namespace

ClientHelloResult parse_client_hello(std::span<const std::byte> bytes) {
  bytes = bytes.first(std::min(bytes.size(), kMaxClientHelloBytes));
  if (const auto judged = judge_first_bytes(bytes)) return *judged;
  Handshake handshake;
  std::size_t begin = 0;  // of the record
  while (handshake.missing() > 0) {
    // The shortest stream that completes the message: all that is missing in one record.
    if (bytes.size() < begin + kRecordHeader)
      return need_more(begin + kRecordHeader + handshake.missing());
    const std::size_t length = std::size_t{at(bytes, begin + 3)} << 8 | at(bytes, begin + 4);
    if (at(bytes, begin) != kHandshakeRecord || at(bytes, begin + 1) != kMajorVersion)
      return malformed("a record of another kind splits the ClientHello");
    if (length == 0 || length > kMaxRecord)
      return malformed("a record is empty or longer than 16384 bytes");
    const Bytes payload = bytes.subspan(begin + kRecordHeader);
    const std::size_t available = std::min(length, payload.size());
    handshake.add(payload.first(available));
    if (handshake.missing() == 0) break;
    const bool next_record = handshake.missing() > length - available;
    const std::size_t end =
        begin + kRecordHeader + available + handshake.missing() + (next_record ? kRecordHeader : 0);
    if (available < length || end > kMaxClientHelloBytes) return need_more(end);
    begin += kRecordHeader + length;
  }
  return parse_body(handshake.body());
}

}  // namespace weir::tls
