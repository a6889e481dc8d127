// SPDX-License-Identifier: Apache-2.0
#include "proxy/config/data_source.hpp"

#include <cstdlib>

#include "envoy/config/core/v3/base.pb.h"
#include "proxy/config/file_text.hpp"

namespace weir::config {
namespace {

constexpr std::size_t kLargestFile = 1024 * 1024;

std::optional<std::string> read_named_file(const std::string& path, const ParseContext& context) {
  auto text = read_file(path, kLargestFile, FileKind::regular);
  if (text) return *std::move(text);
  context.error(text.error().message);
  return std::nullopt;
}

std::optional<std::string> read_variable(const std::string& name, const ParseContext& context) {
  // Configuration is read before any thread exists that could change the environment.
  if (const char* value = std::getenv(name.c_str()))
    return std::string(value);  // NOLINT(concurrency-mt-unsafe)
  context.error("environment variable '" + name + "': not set");
  return std::nullopt;
}

}  // namespace

std::optional<std::string> read_data_source(const envoy::config::core::v3::DataSource& proto,
                                            const ParseContext& context) {
  using envoy::config::core::v3::DataSource;
  switch (proto.specifier_case()) {
    case DataSource::kInlineString:
      return proto.inline_string();
    case DataSource::kInlineBytes:
      return proto.inline_bytes();
    case DataSource::kFilename:
      return read_named_file(proto.filename(), context.field("filename"));
    case DataSource::kEnvironmentVariable:
      return read_variable(proto.environment_variable(), context.field("environment_variable"));
    case DataSource::SPECIFIER_NOT_SET:
      break;
  }
  context.error(
      "names no source: expected inline_string, inline_bytes, filename or environment_variable");
  return std::nullopt;
}

}  // namespace weir::config
