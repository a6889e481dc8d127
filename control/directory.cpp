// SPDX-License-Identifier: Apache-2.0
#include "control/directory.hpp"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include <dirent.h>

#include "control/parse_file.hpp"
#include "proxy/config/file_text.hpp"

namespace weir::control {
namespace {

using config::Diagnostics;
using config::Severity;

bool has_suffix_of_ours(std::string_view name) {
  return !name.starts_with('.') &&
         (name.ends_with(".yaml") || name.ends_with(".yml") || name.ends_with(".json"));
}

Result<std::set<std::string>> list(const std::string& path) {
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir(path.c_str()), closedir);
  if (directory == nullptr)
    return Error{"directory '" + path + "': " + std::strerror(errno), errno};
  std::set<std::string> names;
  while (const dirent* entry = readdir(directory.get()))
    if (has_suffix_of_ours(entry->d_name)) names.insert(entry->d_name);
  return names;
}

}  // namespace

Result<Directory::Reading> Directory::read(const std::set<std::string>& being_written) {
  TRY(const std::set<std::string> names, list(path_));
  Reading out;
  bool changed = drop_missing(names) || !was_read_;
  was_read_ = true;
  for (const std::string& name : names)
    if (!being_written.contains(name)) changed |= read_file(name, files_[name], out.diagnostics);
  if (!changed) return out;
  std::vector<const std::vector<Object>*> all;
  for (const auto& [name, file] : files_) all.push_back(&file.objects);
  out.registry = std::make_shared<Registry>(build_registry(all, out.diagnostics));
  return out;
}

bool Directory::drop_missing(const std::set<std::string>& present) {
  return std::erase_if(files_, [&](const auto& entry) { return !present.contains(entry.first); }) !=
         0;
}

/// Whether what the file says changed.
bool Directory::read_file(const std::string& name, File& file, Diagnostics& diagnostics) const {
  const std::string path = path_ + "/" + name;
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) return false;  // gone again, or a link to nothing yet
  const auto number = [](auto value) { return static_cast<std::uint64_t>(value); };
  const Stamp stamp{number(status.st_dev),          number(status.st_ino),
                    number(status.st_size),         number(status.st_mtim.tv_sec),
                    number(status.st_mtim.tv_nsec), number(status.st_ctim.tv_sec),
                    number(status.st_ctim.tv_nsec)};
  if (stamp == file.stamp) return false;
  file.stamp = stamp;
  const auto text = config::read_file(path, config::kLargestDocument, config::FileKind::regular);
  if (!text) {
    diagnostics.add({Severity::error, config::Place{path, 0, 0}, "", text.error().message});
    return false;
  }
  std::string hash = content_hash(*text);
  if (hash == file.hash) return false;
  file.hash = std::move(hash);
  Diagnostics own;
  std::vector<Object> objects = parse_file(path, *text, own);
  if (text->find_first_not_of(" \t\r\n") == std::string::npos)
    own.add({Severity::error, config::Place{path, 0, 0}, "", "empty: not written yet?"});
  for (const auto& one : own.all()) diagnostics.add(one);
  if (own.has_errors()) return false;
  file.objects = std::move(objects);
  return true;
}

}  // namespace weir::control
