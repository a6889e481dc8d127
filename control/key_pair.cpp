// SPDX-License-Identifier: Apache-2.0
#include "control/key_pair.hpp"

#include <ctime>
#include <filesystem>
#include <set>

#include <asio/ssl/context.hpp>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "common/log.hpp"
#include "proxy/config/file_text.hpp"

namespace weir::control {
namespace {

using log::Component;

constexpr std::size_t kLargestFile = std::size_t{1} << 20;
constexpr auto kKind = config::FileKind::regular;

/// OpenSSL's words in ours.
std::string text_of(const std::error_code& error) {
  const std::string text = error.message();
  if (text.find("mismatch") != std::string::npos) return "belongs to another certificate";
  for (const char* none : {"start line", "PEM lib", "unsupported"})
    if (text.find(none) != std::string::npos) return "no PEM text of that kind";
  return text;
}

std::shared_ptr<asio::ssl::context> empty_context() {
  auto context = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_server);
  SSL_CTX* raw = context->native_handle();
  SSL_CTX_set_min_proto_version(raw, TLS1_2_VERSION);
  SSL_CTX_set_options(raw, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                               SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_NO_TICKET);
  SSL_CTX_set_num_tickets(raw, 0);
  SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_mode(raw, SSL_MODE_RELEASE_BUFFERS);
  // Without this OpenSSL asks the terminal for a passphrase.
  SSL_CTX_set_default_passwd_cb(raw, [](char*, int, int, void*) { return -1; });
  return context;
}

Result<TlsContext> context_of(const KeyPairFiles& files, const std::string& certificate,
                              const std::string& key) {
  auto context = empty_context();
  std::error_code error;
  context->use_certificate_chain(asio::buffer(certificate), error);
  if (error)
    return Error{"certificate '" + files.certificate + "': " + text_of(error) +
                 "; expected a PEM certificate, then those that signed it"};
  context->use_private_key(asio::buffer(key), asio::ssl::context::pem, error);
  if (error)  // OpenSSL compares it with the certificate
    return Error{"key '" + files.key + "': " + text_of(error) + "; expected the PEM key of '" +
                 files.certificate + "' without a passphrase"};
  return TlsContext(std::move(context));
}

std::string day_of(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return "an unknown day";
  char text[16];
  std::strftime(text, sizeof text, "%Y-%m-%d", &parts);
  return text;
}

}  // namespace

Result<std::unique_ptr<KeyPair>> KeyPair::start(asio::io_context& io, const KeyPairFiles& files,
                                                std::function<void()> changed) {
  std::unique_ptr<KeyPair> pair(new KeyPair(files, std::move(changed)));
  // First the watch: what changes after the reading is seen.
  TRY_VOID(pair->watch(io));
  TRY([[maybe_unused]] const bool is_new, pair->read());
  return pair;
}

Result<void> KeyPair::watch(asio::io_context& io) {
  std::set<std::string> folders;
  for (const std::string& file : {files_.certificate, files_.key})
    folders.insert(std::filesystem::absolute(file).parent_path().string());
  for (const std::string& folder : folders) {
    TRY(watches_.emplace_back(),
        DirectoryWatch::start(io, folder,
                              [this](const auto& being_written) { look(being_written); }));
  }
  return {};
}

/// Whether there is another pair now.
Result<bool> KeyPair::read() {
  TRY(std::string certificate, config::read_file(files_.certificate, kLargestFile, kKind));
  TRY(std::string key, config::read_file(files_.key, kLargestFile, kKind));
  if (certificate == certificate_ && key == key_) return false;
  last_problem_.clear();
  certificate_ = std::move(certificate);
  key_ = std::move(key);
  TRY(context_, context_of(files_, certificate_, key_));
  const std::string valid = validity();
  log::write(Component::main, valid.starts_with("valid") ? log::Level::info : log::Level::warning,
             "webhook certificate '{}': {}", files_.certificate, valid);
  return true;
}

std::string KeyPair::validity() const {
  const X509* certificate = SSL_CTX_get0_certificate(context_->native_handle());
  const ASN1_TIME* begin = X509_get0_notBefore(certificate);
  const ASN1_TIME* end = X509_get0_notAfter(certificate);
  if (X509_cmp_current_time(begin) > 0) return "not valid before " + day_of(begin);
  return (X509_cmp_current_time(end) < 0 ? "expired on " : "valid until ") + day_of(end);
}

void KeyPair::look(const std::set<std::string>& being_written) {
  for (const std::string& file : {files_.certificate, files_.key})
    if (being_written.contains(std::filesystem::path(file).filename())) return;
  const Result<bool> is_new = read();
  if (is_new) {
    if (*is_new) changed_();
    return;
  }
  if (is_new.error().message != last_problem_)
    log::error(Component::main, "webhook {}; the pair from before stays in force",
               is_new.error().message);
  last_problem_ = is_new.error().message;
}

}  // namespace weir::control
