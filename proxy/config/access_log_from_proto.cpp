// SPDX-License-Identifier: Apache-2.0
#include "proxy/config/access_log_from_proto.hpp"

#include <cmath>
#include <cstdlib>
#include <map>
#include <memory>
#include <optional>

#include <google/protobuf/any.pb.h>
#include <google/protobuf/struct.pb.h>

#include "envoy/config/accesslog/v3/accesslog.pb.h"
#include "envoy/config/core/v3/substitution_format_string.pb.h"
#include "envoy/extensions/access_loggers/file/v3/file.pb.h"
#include "envoy/extensions/access_loggers/stream/v3/stream.pb.h"
#include "proxy/access_log/format.hpp"
#include "proxy/config/access_log_filter_from_proto.hpp"
#include "proxy/config/data_source.hpp"
#include "proxy/config/filter_registry.hpp"

namespace weir::config {
namespace {

using access_log::AccessLogConfig;
using access_log::Format;
using access_log::JsonTemplate;
using access_log::JsonValues;
using envoy::config::core::v3::SubstitutionFormatString;
using envoy::extensions::access_loggers::file::v3::FileAccessLog;
using envoy::extensions::access_loggers::stream::v3::StderrAccessLog;
using envoy::extensions::access_loggers::stream::v3::StdoutAccessLog;
using FormatPointer = std::shared_ptr<const Format>;

JsonTemplate template_of(const google::protobuf::Value& value);

/// A Struct keeps no order: members are sorted by name, so that two starts write the same lines.
JsonTemplate template_of(const google::protobuf::Struct& object) {
  JsonTemplate out;
  const std::map<std::string_view, const google::protobuf::Value*> sorted = [&] {
    std::map<std::string_view, const google::protobuf::Value*> members;
    for (const auto& [name, value] : object.fields()) members.emplace(name, &value);
    return members;
  }();
  for (const auto& [name, value] : sorted)
    out.members.push_back({std::string(name), template_of(*value)});
  return out;
}

std::string number_text(double number) {
  if (std::trunc(number) == number && std::abs(number) < 1e15)
    return std::to_string(static_cast<long long>(number));
  char text[32];
  std::snprintf(text, sizeof text, "%.17g", number);
  return text;
}

JsonTemplate template_of(const google::protobuf::Value& value) {
  using google::protobuf::Value;
  JsonTemplate out{JsonTemplate::Kind::literal, "null", {}};
  switch (value.kind_case()) {
    case Value::kStringValue:
      return {JsonTemplate::Kind::text, value.string_value(), {}};
    case Value::kStructValue:
      return template_of(value.struct_value());
    case Value::kBoolValue:
      out.text = value.bool_value() ? "true" : "false";
      break;
    case Value::kNumberValue:
      out.text = number_text(value.number_value());
      break;
    case Value::kListValue:
      out = {JsonTemplate::Kind::list, "", {}};
      for (const Value& item : value.list_value().values())
        out.members.push_back({"", template_of(item)});
      break;
    default:
      break;
  }
  return out;
}

/// Reports a format that does not compile.
FormatPointer compiled(Result<Format> format, const ParseContext& context) {
  if (format) return std::make_shared<const Format>(*std::move(format));
  context.error(format.error().message);
  return nullptr;
}

FormatPointer json_format(const google::protobuf::Struct& object, JsonValues values,
                          const ParseContext& context) {
  return compiled(Format::json(template_of(object), values), context);
}

/// `text_format`: how text becomes a format.
FormatPointer format_from_proto(const SubstitutionFormatString& proto, const ParseContext& context,
                                Result<Format> (*text_format)(std::string_view) = Format::text) {
  switch (proto.format_case()) {
    case SubstitutionFormatString::kTextFormat:
      return compiled(text_format(proto.text_format()), context.field("text_format"));
    case SubstitutionFormatString::kJsonFormat:
      return json_format(proto.json_format(), JsonValues::typed, context.field("json_format"));
    case SubstitutionFormatString::kTextFormatSource: {
      const ParseContext source = context.field("text_format_source");
      const std::optional<std::string> text = read_data_source(proto.text_format_source(), source);
      return text ? compiled(text_format(*text), source) : nullptr;
    }
    case SubstitutionFormatString::FORMAT_NOT_SET:
      break;
  }
  context.error("has no format: expected text_format, text_format_source or json_format");
  return nullptr;
}

FormatPointer standard_format() {
  static const FormatPointer kStandard = std::make_shared<const Format>(Format::standard());
  return kStandard;
}

FormatPointer file_format_from_proto(const FileAccessLog& proto, const ParseContext& context) {
  switch (proto.access_log_format_case()) {
    case FileAccessLog::kFormat:
      return compiled(Format::text(proto.format()), context.field("format"));
    case FileAccessLog::kJsonFormat:
      return json_format(proto.json_format(), JsonValues::as_strings, context.field("json_format"));
    case FileAccessLog::kTypedJsonFormat:
      return json_format(proto.typed_json_format(), JsonValues::typed,
                         context.field("typed_json_format"));
    case FileAccessLog::kLogFormat:
      return format_from_proto(proto.log_format(), context.field("log_format"));
    case FileAccessLog::ACCESS_LOG_FORMAT_NOT_SET:
      break;
  }
  return standard_format();
}

AccessLogConfig file_from_proto(const FileAccessLog& proto, const ParseContext& context) {
  if (proto.path().empty()) context.error("has no path");
  AccessLogConfig config{AccessLogConfig::Sink::file, proto.path(),
                         file_format_from_proto(proto, context), nullptr};
  if (proto.path() == "/dev/stdout") config.sink = AccessLogConfig::Sink::standard_output;
  if (proto.path() == "/dev/stderr") config.sink = AccessLogConfig::Sink::standard_error;
  return config;
}

template <class Stream>
AccessLogConfig stream_from_proto(const Stream& proto, AccessLogConfig::Sink sink,
                                  const ParseContext& context) {
  FormatPointer format = proto.has_log_format()
                             ? format_from_proto(proto.log_format(), context.field("log_format"))
                             : standard_format();
  return {sink, "", std::move(format), nullptr};
}

const std::vector<std::string_view> kKnown{
    "envoy.access_loggers.file", "envoy.access_loggers.stdout", "envoy.access_loggers.stderr"};

/// Unpacks `any` as a T when that is its type.
template <class T>
std::optional<T> unpack(const google::protobuf::Any& any) {
  T message;
  if (type_name(any.type_url()) != T::descriptor()->full_name() ||
      !message.ParseFromString(any.value()))
    return std::nullopt;
  return message;
}

std::optional<AccessLogConfig> access_log_from_proto(
    const envoy::config::accesslog::v3::AccessLog& proto, const ParseContext& context) {
  const google::protobuf::Any& any = proto.typed_config();
  const ParseContext inside = context.field("typed_config");
  if (const auto file = unpack<FileAccessLog>(any)) return file_from_proto(*file, inside);
  if (const auto out = unpack<StdoutAccessLog>(any))
    return stream_from_proto(*out, AccessLogConfig::Sink::standard_output, inside);
  if (const auto err = unpack<StderrAccessLog>(any))
    return stream_from_proto(*err, AccessLogConfig::Sink::standard_error, inside);
  context.error(explain_missing_extension(proto.name(), any.type_url(), kKnown));
  return std::nullopt;
}

}  // namespace

FormatPointer body_format_from_proto(const SubstitutionFormatString& proto,
                                     const ParseContext& context) {
  return format_from_proto(proto, context, Format::body);
}

std::vector<AccessLogConfig> access_logs_from_proto(
    const google::protobuf::RepeatedPtrField<envoy::config::accesslog::v3::AccessLog>& proto,
    const ParseContext& parent, std::string_view field) {
  std::vector<AccessLogConfig> logs;
  for (int i = 0; i < proto.size(); ++i) {
    const ParseContext item = parent.item(field, i);
    auto log = access_log_from_proto(proto[i], item);
    if (!log || !log->format) continue;
    if (proto[i].has_filter())
      log->filter = std::make_shared<const access_log::RecordFilter>(
          record_filter_from_proto(proto[i].filter(), item.field("filter")));
    logs.push_back(*std::move(log));
  }
  return logs;
}

}  // namespace weir::config
