// SPDX-License-Identifier: Apache-2.0
// weirctl inject and uninject: files in, one text out.
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include <dirent.h>

#include "ctl/commands.hpp"
#include "inject/json_text.hpp"

namespace weir::ctl {
namespace {

struct Input {
  std::string name;
  std::string text;
};

Result<std::string> read_stream(std::FILE* stream, const std::string& name) {
  std::string text;
  char buffer[65536];
  for (std::size_t size = 0; (size = std::fread(buffer, 1, sizeof buffer, stream)) > 0;) {
    text.append(buffer, size);
    if (text.size() > inject::kTextMax) return Error{"file '" + name + "': more than 16 MB"};
  }
  if (std::ferror(stream) != 0) return Error{"file '" + name + "': " + std::strerror(errno), errno};
  return text;
}

Result<Input> read_input(const std::string& name) {
  if (name == "-") {
    TRY(std::string text, read_stream(stdin, "standard input"));
    return Input{"standard input", std::move(text)};
  }
  std::FILE* stream = std::fopen(name.c_str(), "rbe");
  if (stream == nullptr) return Error{"file '" + name + "': " + std::strerror(errno), errno};
  auto text = read_stream(stream, name);
  std::fclose(stream);
  if (!text) return std::move(text.error());
  return Input{name, *std::move(text)};
}

bool is_manifest(std::string_view name) {
  return name.ends_with(".yaml") || name.ends_with(".yml") || name.ends_with(".json");
}

bool has_type(const std::string& path, mode_t type) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && (status.st_mode & S_IFMT) == type;
}

Result<std::vector<std::string>> manifests_in(const std::string& directory) {
  DIR* stream = ::opendir(directory.c_str());
  if (stream == nullptr)
    return Error{"directory '" + directory + "': " + std::strerror(errno), errno};
  std::vector<std::string> out;
  while (const dirent* entry = ::readdir(stream)) {
    const std::string path = directory + "/" + entry->d_name;
    if (is_manifest(entry->d_name) && has_type(path, S_IFREG)) out.push_back(path);
  }
  ::closedir(stream);
  if (out.empty()) return Error{"directory '" + directory + "': has no *.yaml, *.yml or *.json"};
  std::sort(out.begin(), out.end());
  return out;
}

// A directory stands for its manifests, sorted, without those of folders in it.
Result<std::vector<std::string>> expand(const std::vector<std::string>& names) {
  std::vector<std::string> out;
  for (const std::string& name : names) {
    if (name == "-" || !has_type(name, S_IFDIR)) {
      out.push_back(name);
      continue;
    }
    TRY(const std::vector<std::string> found, manifests_in(name));
    out.insert(out.end(), found.begin(), found.end());
  }
  return out;
}

// Files after each other are documents of one stream; JSON in it is YAML.
void append(const std::string& text, std::string& out) {
  if (!out.empty() && out.back() != '\n') out.push_back('\n');
  if (!out.empty() && !text.starts_with("---")) out += "---\n";
  out += text;
}

}  // namespace

Result<std::string> run_inject(const Options& options) {
  TRY(const std::vector<std::string> names, expand(options.files));
  const bool one_text =
      options.output == inject::Output::json || options.output == inject::Output::json_patch;
  if (one_text && names.size() > 1)
    return Error{"--output: JSON is for one file at a time; give yaml, or call it for each"};
  std::string out;
  std::size_t refused = 0;
  for (const std::string& name : names) {
    TRY(const Input input, read_input(name));
    auto result = options.command == Command::inject
                      ? inject::inject_manifest(input.text, options.inject, options.output)
                      : inject::uninject_manifest(input.text, options.output);
    if (!result) return result.error().with_context(input.name);
    for (const std::string& note : result->notes)
      std::fprintf(stderr, "weirctl: %s: %s\n", input.name.c_str(), note.c_str());
    for (const std::string& refusal : result->refusals)
      std::fprintf(stderr, "weirctl: %s: refused: %s\n", input.name.c_str(), refusal.c_str());
    refused += result->refusals.size();
    append(result->text, out);
  }
  if (refused == 0) return out;
  return Error{std::to_string(refused) + (refused == 1 ? " reason" : " reasons") +
               " against it, above; nothing is printed"};
}

}  // namespace weir::ctl
