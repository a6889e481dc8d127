// SPDX-License-Identifier: Apache-2.0
#include "proxy/config/yaml_to_proto.hpp"

#include <algorithm>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <google/protobuf/any.pb.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <google/protobuf/struct.pb.h>
#include <yaml-cpp/yaml.h>

#include "proxy/config/field_names.hpp"
#include "proxy/config/scalar_values.hpp"

namespace weir::config {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::DescriptorPool;
using google::protobuf::EnumValueDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::MessageFactory;
using google::protobuf::Reflection;

constexpr int kDeepest = 64;  // messages in messages; protobuf's own parser stops at 100
constexpr std::size_t kLongestQuote = 80;  // of a wrong value in a diagnostic
constexpr std::string_view kTypeKey = "@type";

bool is_quoted(const YAML::Node& node) {
  return node.Tag() == "!" || node.Tag() == "tag:yaml.org,2002:str";
}

std::string quote(std::string_view text) {
  if (text.size() <= kLongestQuote) return "'" + std::string(text) + "'";
  return "'" + std::string(text.substr(0, kLongestQuote)) + "...'";
}

std::string_view kind_of(const YAML::Node& node) {
  if (node.IsMap()) return "an object";
  if (node.IsSequence()) return "a list";
  return node.IsNull() ? "null" : "a single value";
}

bool is_wrapper(const Descriptor& type) {
  return type.file()->name() == "google/protobuf/wrappers.proto";
}

/// Types whose JSON form is not an object of their fields: inside an Any they stand under "value".
bool has_special_form(const Descriptor& type) {
  const std::string& name = type.full_name();
  return is_wrapper(type) || name == "google.protobuf.Duration" || name == "google.protobuf.Any" ||
         type.file()->name() == "google/protobuf/struct.proto";
}

class Converter {
 public:
  Converter(const YamlDocument& document, Dialect dialect, Diagnostics& diagnostics)
      : document_(document), dialect_(dialect), diagnostics_(diagnostics) {}

  void convert_message(const YAML::Node& node, Message& message) {
    if (!enter(node)) return;
    const Descriptor& type = *message.GetDescriptor();
    if (type.full_name() == "google.protobuf.Duration") {
      convert_duration(node, message);
    } else if (is_wrapper(type)) {
      set_scalar(node, message, *type.FindFieldByName("value"));
    } else if (type.full_name() == "google.protobuf.Any") {
      convert_any(node, message);
    } else if (type.file()->name() == "google/protobuf/struct.proto") {
      convert_struct_type(node, message);
    } else if (node.IsMap()) {
      convert_fields(node, message);
    } else {
      error(node, "expected an object with the fields of " + type.full_name() + ", got " +
                      std::string(kind_of(node)));
    }
    --depth_;
  }

 private:
  /// Extends the path for as long as it lives.
  class Step {
   public:
    Step(Converter& converter, std::string_view name)
        : path_(converter.path_), length_(path_.size()) {
      if (!path_.empty()) path_ += '.';
      path_ += name;
    }
    Step(Converter& converter, int index) : path_(converter.path_), length_(path_.size()) {
      path_ += '[' + std::to_string(index) + ']';
    }
    Step(const Step&) = delete;
    Step& operator=(const Step&) = delete;
    ~Step() { path_.resize(length_); }

   private:
    std::string& path_;
    std::size_t length_;
  };

  void report(Severity severity, const YAML::Node& node, std::string text) {
    const YAML::Mark mark = node.Mark();
    Place place{document_.file, 0, 0};
    if (!mark.is_null()) place = {document_.file, mark.line + 1, mark.column + 1};
    diagnostics_.add({severity, std::move(place), path_, std::move(text)});
  }
  void error(const YAML::Node& node, std::string text) {
    report(Severity::error, node, std::move(text));
  }
  void warning(const YAML::Node& node, std::string text) {
    report(Severity::warning, node, std::move(text));
  }

  /// Counts one value against the limits. False = do not go into it; otherwise the caller
  /// decrements depth_.
  bool enter(const YAML::Node& node) {
    if (stopped_) return false;
    if (++visited_ > document_.most_values) {
      stopped_ = true;
      error(node, "aliases stand for too many values");
      return false;
    }
    if (depth_ >= kDeepest) {
      error(node,
            "nested too deeply: more than " + std::to_string(kDeepest) + " objects in each other");
      return false;
    }
    ++depth_;
    return true;
  }

  void convert_fields(const YAML::Node& node, Message& message) {
    std::vector<const FieldDescriptor*> seen;
    for (const auto& entry : node) {
      if (stopped_) return;
      if (!entry.first.IsScalar()) {
        error(entry.first, "expected a field name, got " + std::string(kind_of(entry.first)));
        continue;
      }
      const std::string& name = entry.first.Scalar();
      if (name == kTypeKey) continue;  // of the Any that holds this message
      convert_field(entry.first, entry.second, message, seen);
    }
  }

  void convert_field(const YAML::Node& key, const YAML::Node& value, Message& message,
                     std::vector<const FieldDescriptor*>& seen) {
    const Descriptor& type = *message.GetDescriptor();
    const FieldDescriptor* field = find_field(type, key.Scalar());
    const Step step(*this, field != nullptr ? field->name() : key.Scalar());
    if (field == nullptr) {
      const Severity severity = dialect_ == Dialect::strict ? Severity::error : Severity::warning;
      report(severity, key, explain_missing_field(type, key.Scalar()));
      return;
    }
    if (std::find(seen.begin(), seen.end(), field) != seen.end()) {
      warning(key, "field '" + field->name() + "' is given twice; the later one is used");
      message.GetReflection()->ClearField(&message, field);
    }
    seen.push_back(field);
    if (value.IsNull() && field->full_name() != "google.protobuf.Value") return;
    if (!check_oneof(key, message, *field)) return;
    if (field->is_map())
      convert_map(value, message, *field);
    else if (field->is_repeated())
      convert_list(value, message, *field);
    else
      convert_single(value, message, *field);
  }

  bool check_oneof(const YAML::Node& key, const Message& message, const FieldDescriptor& field) {
    const auto* oneof = field.real_containing_oneof();
    if (oneof == nullptr) return true;
    const FieldDescriptor* other = message.GetReflection()->GetOneofFieldDescriptor(message, oneof);
    if (other == nullptr || other == &field) return true;
    error(key, "'" + field.name() + "' and '" + other->name() + "' exclude each other");
    return false;
  }

  void convert_single(const YAML::Node& node, Message& message, const FieldDescriptor& field) {
    if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE)
      convert_message(node, *message.GetReflection()->MutableMessage(&message, &field));
    else
      set_scalar(node, message, field);
  }

  void convert_list(const YAML::Node& node, Message& message, const FieldDescriptor& field) {
    int index = 0;
    if (node.IsSequence()) {
      convert_items(node, message, field, index);
      return;
    }
    warning(node, "one value where a list belongs; write it as a list");
    const Step step(*this, index);
    add_item(node, message, field);
  }

  void convert_items(const YAML::Node& list, Message& message, const FieldDescriptor& field,
                     int& index) {
    if (!enter(list)) return;
    for (const YAML::Node& item : list) {
      if (stopped_) break;
      const Step step(*this, index);
      if (item.IsNull()) {
        warning(item, "null in a list is skipped");
      } else if (item.IsSequence()) {
        warning(item, "a list in a list is flattened");
        convert_items(item, message, field, index);
      } else {
        add_item(item, message, field);
        ++index;
      }
    }
    --depth_;
  }

  void add_item(const YAML::Node& node, Message& message, const FieldDescriptor& field) {
    if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE)
      convert_message(node, *message.GetReflection()->AddMessage(&message, &field));
    else
      set_scalar(node, message, field);
  }

  void convert_map(const YAML::Node& node, Message& message, const FieldDescriptor& field) {
    if (!node.IsMap()) {
      error(node, "expected an object, got " + std::string(kind_of(node)));
      return;
    }
    const FieldDescriptor& key_field = *field.message_type()->map_key();
    const FieldDescriptor& value_field = *field.message_type()->map_value();
    for (const auto& entry : node) {
      if (!entry.first.IsScalar()) {
        error(entry.first, "expected a key, got " + std::string(kind_of(entry.first)));
        continue;
      }
      const Step step(*this, entry.first.Scalar());
      Message& item = *message.GetReflection()->AddMessage(&message, &field);
      set_scalar(entry.first, item, key_field);
      if (!entry.second.IsNull()) convert_single(entry.second, item, value_field);
    }
  }

  void convert_duration(const YAML::Node& node, Message& message) {
    const auto parts = node.IsScalar() ? parse_duration(node.Scalar()) : std::nullopt;
    if (!parts) {
      const std::string given = node.IsScalar() ? quote(node.Scalar()) : std::string(kind_of(node));
      error(node, given + " is not a duration; write seconds with an 's', like '0.25s'");
      return;
    }
    const Descriptor& type = *message.GetDescriptor();
    message.GetReflection()->SetInt64(&message, type.FindFieldByName("seconds"), parts->seconds);
    message.GetReflection()->SetInt32(&message, type.FindFieldByName("nanos"), parts->nanos);
  }

  void convert_any(const YAML::Node& node, Message& message) {
    auto& any = static_cast<google::protobuf::Any&>(message);
    if (!node.IsMap()) {
      error(node, "expected an object with '@type', got " + std::string(kind_of(node)));
      return;
    }
    const YAML::Node type_node = find_type(node);
    if (!type_node.IsScalar()) {
      if (node.size() != 0) error(node, "has no '@type'; name the type of this configuration");
      return;
    }
    const std::string& url = type_node.Scalar();
    any.set_type_url(url);
    const std::size_t slash = url.rfind('/');
    if (slash == std::string::npos) {
      error(type_node, "type URL " + quote(url) + ": has no '/'; write type.googleapis.com/" + url);
      return;
    }
    const Descriptor* type =
        DescriptorPool::generated_pool()->FindMessageTypeByName(url.substr(slash + 1));
    if (type == nullptr) return;
    const std::unique_ptr<Message> content(
        MessageFactory::generated_factory()->GetPrototype(type)->New());
    convert_any_content(node, *content);
    content->SerializeToString(any.mutable_value());
  }

  void convert_any_content(const YAML::Node& node, Message& content) {
    if (!has_special_form(*content.GetDescriptor())) {
      convert_message(node, content);
      return;
    }
    for (const auto& entry : node) {
      if (!entry.first.IsScalar() || entry.first.Scalar() != "value") continue;
      const Step step(*this, "value");
      convert_message(entry.second, content);
    }
  }

  static YAML::Node find_type(const YAML::Node& node) {
    for (const auto& entry : node)
      if (entry.first.IsScalar() && entry.first.Scalar() == kTypeKey) return entry.second;
    return YAML::Node();
  }

  void convert_struct_type(const YAML::Node& node, Message& message) {
    const std::string& name = message.GetDescriptor()->full_name();
    if (name == "google.protobuf.Value") {
      convert_value(node, static_cast<google::protobuf::Value&>(message));
    } else if (name == "google.protobuf.Struct") {
      convert_struct(node, static_cast<google::protobuf::Struct&>(message));
    } else if (node.IsSequence()) {
      for (const YAML::Node& item : node)
        convert_nested_value(item,
                             *static_cast<google::protobuf::ListValue&>(message).add_values());
    } else {
      error(node, "expected a list, got " + std::string(kind_of(node)));
    }
  }

  void convert_struct(const YAML::Node& node, google::protobuf::Struct& object) {
    if (!node.IsMap()) {
      error(node, "expected an object, got " + std::string(kind_of(node)));
      return;
    }
    for (const auto& entry : node) {
      if (stopped_) return;
      if (!entry.first.IsScalar() || !is_valid_utf8(entry.first.Scalar())) {
        error(entry.first, "expected a key of valid UTF-8");
        continue;
      }
      const Step step(*this, entry.first.Scalar());
      auto& value = (*object.mutable_fields())[entry.first.Scalar()];
      if (value.kind_case() != google::protobuf::Value::KIND_NOT_SET)
        warning(entry.first,
                "key " + quote(entry.first.Scalar()) + " is given twice; the later one is used");
      convert_nested_value(entry.second, value);
    }
  }

  void convert_nested_value(const YAML::Node& node, google::protobuf::Value& value) {
    if (!enter(node)) return;
    convert_value(node, value);
    --depth_;
  }

  void convert_value(const YAML::Node& node, google::protobuf::Value& value) {
    if (node.IsNull()) {
      value.set_null_value(google::protobuf::NULL_VALUE);
    } else if (node.IsMap()) {
      convert_struct(node, *value.mutable_struct_value());
    } else if (node.IsSequence()) {
      value.mutable_list_value()->Clear();
      for (const YAML::Node& item : node) {
        if (stopped_) return;
        convert_nested_value(item, *value.mutable_list_value()->add_values());
      }
    } else {
      convert_scalar_value(node, value);
    }
  }

  /// What a bare word in a Struct is depends on how it looks, as in any YAML.
  void convert_scalar_value(const YAML::Node& node, google::protobuf::Value& value) {
    const std::string& text = node.Scalar();
    if (is_quoted(node)) {
      set_text(node, text,
               [&](std::string checked) { value.set_string_value(std::move(checked)); });
    } else if (const auto truth = parse_bool(text, false)) {
      value.set_bool_value(truth->value);
      remark(node, truth->remark);
    } else if (const auto integer = parse_signed(text, false)) {
      value.set_number_value(static_cast<double>(integer->value));
      remark(node, integer->remark);
    } else if (const auto number = parse_double(text); number && number == number) {
      value.set_number_value(*number);
    } else {
      set_text(node, text,
               [&](std::string checked) { value.set_string_value(std::move(checked)); });
    }
  }

  void remark(const YAML::Node& node, const std::string& text) {
    if (!text.empty()) warning(node, quote(node.Scalar()) + ": " + text);
  }

  template <class Set>
  void set_text(const YAML::Node& node, std::string_view text, Set&& set) {
    if (is_valid_utf8(text))
      set(std::string(text));
    else
      error(node, "text is not valid UTF-8");
  }

  /// Sets a scalar field, or adds to it when it is repeated.
  void set_scalar(const YAML::Node& node, Message& message, const FieldDescriptor& field) {
    if (!node.IsScalar()) {
      error(node, "expected " + std::string(expected_text(field)) + ", got " +
                      std::string(kind_of(node)));
      return;
    }
    switch (field.cpp_type()) {
      case FieldDescriptor::CPPTYPE_STRING:
        return set_string(node, message, field);
      case FieldDescriptor::CPPTYPE_BOOL:
        return set_bool(node, message, field);
      case FieldDescriptor::CPPTYPE_ENUM:
        return set_enum(node, message, field);
      case FieldDescriptor::CPPTYPE_FLOAT:
      case FieldDescriptor::CPPTYPE_DOUBLE:
        return set_float(node, message, field);
      case FieldDescriptor::CPPTYPE_MESSAGE:
        return;  // callers convert messages themselves
      default:
        return set_integer(node, message, field);
    }
  }

  static std::string_view expected_text(const FieldDescriptor& field) {
    switch (field.cpp_type()) {
      case FieldDescriptor::CPPTYPE_STRING:
        return "text";
      case FieldDescriptor::CPPTYPE_BOOL:
        return "true or false";
      case FieldDescriptor::CPPTYPE_ENUM:
        return "the name of a value";
      default:
        return "a number";
    }
  }

  void wrong_value(const YAML::Node& node, const FieldDescriptor& field) {
    error(node, quote(node.Scalar()) + ": expected " + std::string(expected_text(field)));
  }

  void set_string(const YAML::Node& node, Message& message, const FieldDescriptor& field) {
    std::string text = node.Scalar();
    if (field.type() == FieldDescriptor::TYPE_BYTES) {
      auto bytes = parse_base64(text);
      if (!bytes) return error(node, quote(text) + ": expected base64");
      put_string(message, field, std::move(*bytes));
      return;
    }
    if (!is_quoted(node) && (parse_bool(text, false) || parse_signed(text, false)))
      warning(node, quote(text) + " where text belongs; write it in quotes");
    set_text(node, text,
             [&](std::string checked) { put_string(message, field, std::move(checked)); });
  }

  static void put_string(Message& message, const FieldDescriptor& field, std::string text) {
    const Reflection& reflection = *message.GetReflection();
    if (field.is_repeated())
      reflection.AddString(&message, &field, std::move(text));
    else
      reflection.SetString(&message, &field, std::move(text));
  }

  void set_bool(const YAML::Node& node, Message& message, const FieldDescriptor& field) {
    const auto parsed = parse_bool(node.Scalar(), is_quoted(node));
    if (!parsed) return wrong_value(node, field);
    remark(node, parsed->remark);
    const Reflection& reflection = *message.GetReflection();
    if (field.is_repeated())
      reflection.AddBool(&message, &field, parsed->value);
    else
      reflection.SetBool(&message, &field, parsed->value);
  }

  void set_enum(const YAML::Node& node, Message& message, const FieldDescriptor& field) {
    const std::string& text = node.Scalar();
    const EnumValueDescriptor* value = nullptr;
    if (const auto number = parse_signed(text, true);
        number && number->value == static_cast<int>(number->value))
      value = field.enum_type()->FindValueByNumber(static_cast<int>(number->value));
    else
      value = find_enum_value(*field.enum_type(), text);
    if (value == nullptr) return error(node, explain_missing_enum_value(*field.enum_type(), text));
    if (value->name() != text && !parse_signed(text, true))
      warning(node, quote(text) + ": read as " + value->name() + "; write it so");
    const Reflection& reflection = *message.GetReflection();
    if (field.is_repeated())
      reflection.AddEnum(&message, &field, value);
    else
      reflection.SetEnum(&message, &field, value);
  }

  void set_float(const YAML::Node& node, Message& message, const FieldDescriptor& field) {
    const auto value = parse_double(node.Scalar());
    if (!value) return wrong_value(node, field);
    remark_quoted(node);
    const Reflection& reflection = *message.GetReflection();
    const bool wide = field.cpp_type() == FieldDescriptor::CPPTYPE_DOUBLE;
    const auto narrow = static_cast<float>(*value);
    if (field.is_repeated())
      wide ? reflection.AddDouble(&message, &field, *value)
           : reflection.AddFloat(&message, &field, narrow);
    else
      wide ? reflection.SetDouble(&message, &field, *value)
           : reflection.SetFloat(&message, &field, narrow);
  }

  void remark_quoted(const YAML::Node& node) {
    if (is_quoted(node)) warning(node, quote(node.Scalar()) + ": write the number without quotes");
  }

  void set_integer(const YAML::Node& node, Message& message, const FieldDescriptor& field) {
    const bool is_signed = field.cpp_type() == FieldDescriptor::CPPTYPE_INT32 ||
                           field.cpp_type() == FieldDescriptor::CPPTYPE_INT64;
    if (is_signed)
      set_signed(node, message, field);
    else
      set_unsigned(node, message, field);
  }

  void set_signed(const YAML::Node& node, Message& message, const FieldDescriptor& field) {
    const auto parsed = parse_signed(node.Scalar(), is_quoted(node));
    if (!parsed) return wrong_value(node, field);
    const Reflection& reflection = *message.GetReflection();
    const bool narrow = field.cpp_type() == FieldDescriptor::CPPTYPE_INT32;
    const auto value = static_cast<std::int32_t>(parsed->value);
    if (narrow && parsed->value != value)
      return error(node, quote(node.Scalar()) + ": out of range");
    remark(node, parsed->remark);
    remark_quoted(node);
    if (field.is_repeated())
      narrow ? reflection.AddInt32(&message, &field, value)
             : reflection.AddInt64(&message, &field, parsed->value);
    else
      narrow ? reflection.SetInt32(&message, &field, value)
             : reflection.SetInt64(&message, &field, parsed->value);
  }

  void set_unsigned(const YAML::Node& node, Message& message, const FieldDescriptor& field) {
    const auto parsed = parse_unsigned(node.Scalar(), is_quoted(node));
    if (!parsed) {
      const bool below_zero = parse_signed(node.Scalar(), true).has_value();
      return below_zero ? error(node, quote(node.Scalar()) + ": out of range")
                        : wrong_value(node, field);
    }
    const Reflection& reflection = *message.GetReflection();
    const bool narrow = field.cpp_type() == FieldDescriptor::CPPTYPE_UINT32;
    const auto value = static_cast<std::uint32_t>(parsed->value);
    if (narrow && parsed->value != value)
      return error(node, quote(node.Scalar()) + ": out of range");
    remark(node, parsed->remark);
    remark_quoted(node);
    if (field.is_repeated())
      narrow ? reflection.AddUInt32(&message, &field, value)
             : reflection.AddUInt64(&message, &field, parsed->value);
    else
      narrow ? reflection.SetUInt32(&message, &field, value)
             : reflection.SetUInt64(&message, &field, parsed->value);
  }

  const YamlDocument& document_;
  const Dialect dialect_;
  Diagnostics& diagnostics_;
  std::string path_;
  int depth_ = 0;
  std::size_t visited_ = 0;
  bool stopped_ = false;
};

}  // namespace

void yaml_to_proto(const YamlDocument& document, Dialect dialect, Message& message,
                   Diagnostics& diagnostics) {
  Converter(document, dialect, diagnostics).convert_message(document.root, message);
}

}  // namespace weir::config
