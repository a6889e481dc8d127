// SPDX-License-Identifier: Apache-2.0
#include "proxy/discovery/file_source.hpp"

#include <filesystem>
#include <utility>

#include "proxy/config/file_text.hpp"
#include "proxy/config/yaml_document.hpp"

namespace weir::discovery {
namespace {

namespace fs = std::filesystem;

std::string directory_of(const std::string& path) {
  const std::string directory = fs::path(path).parent_path();
  return directory.empty() ? "." : directory;
}

}  // namespace

FileSource::FileSource(asio::io_context& io, config::ConfigSource source, OnText on_text)
    : source_(std::move(source)),
      on_text_(std::move(on_text)),
      timer_(io),
      name_(fs::path(source_.path).filename()) {}

Result<void> FileSource::watch(DirectoryWatch& watch) {
  watch_ = &watch;
  TRY(const int directory, watch.add(directory_of(source_.path)));
  directories_.insert(directory);
  if (!source_.watched_directory.empty()) {
    TRY(const int watched, watch.add(source_.watched_directory));
    directories_.insert(watched);
  }
  watch_target();
  return {};
}

/// What a link leads to may be written in place, too.
void FileSource::watch_target() {
  if (watch_ == nullptr) return;
  std::error_code error;
  const fs::path target = fs::canonical(source_.path, error);
  if (error) return;
  target_name_ = target.filename();
  if (auto directory = watch_->add(target.parent_path())) directories_.insert(*directory);
}

void FileSource::on_event(const DirectoryWatch::Event& event) {
  if (!directories_.contains(event.directory)) return;
  const bool own = event.name == name_ || event.name == target_name_;
  if (event.unfinished && !own) return;
  if (own) writing_ = event.unfinished;
  if (is_due_ && !writing_) return;
  is_due_ = event.moved_in && event.name == name_;
  if (is_due_) return read_later(kTogether);
  read_later(writing_ ? std::chrono::milliseconds(kPatience) : kQuiet);
}

void FileSource::read_later(std::chrono::milliseconds delay) {
  timer_.expires_after(delay);
  timer_.async_wait([this, alive = std::weak_ptr(alive_)](const std::error_code& error) {
    if (!error && !alive.expired()) read_now();
  });
}

void FileSource::read_now() {
  writing_ = false;
  is_due_ = false;
  watch_target();
  auto text = config::read_file(source_.path, config::kLargestDocument, config::FileKind::regular);
  const std::string& content = text ? *text : text.error().message;
  if (std::exchange(told_, true) && content == last_) return;
  last_ = content;
  on_text_(std::move(text));
}

}  // namespace weir::discovery
