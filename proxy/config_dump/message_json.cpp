// SPDX-License-Identifier: Apache-2.0
#include "proxy/config_dump/message_json.hpp"

#include <memory>

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <google/protobuf/type.pb.h>
#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/type_resolver.h>
#include <google/protobuf/util/type_resolver_util.h>

namespace weir::config_dump {
namespace {

using google::protobuf::util::Status;

constexpr const char* kUrlPrefix = "type.googleapis.com";

/// One resource of a type that we do not have must not hide all the others: its type is taken for
/// one without fields.
class LenientResolver final : public google::protobuf::util::TypeResolver {
 public:
  Status ResolveMessageType(const std::string& url, google::protobuf::Type* type) override {
    const std::string name = url.substr(url.rfind('/') + 1);
    if (known_->ResolveMessageType(std::string(kUrlPrefix) + "/" + name, type).ok()) return {};
    type->Clear();
    type->set_name(name);
    type->set_syntax(google::protobuf::SYNTAX_PROTO3);
    return {};
  }
  Status ResolveEnumType(const std::string& url, google::protobuf::Enum* type) override {
    return known_->ResolveEnumType(url, type);
  }

 private:
  const std::unique_ptr<TypeResolver> known_{
      google::protobuf::util::NewTypeResolverForDescriptorPool(
          kUrlPrefix, google::protobuf::DescriptorPool::generated_pool())};
};

}  // namespace

Result<std::string> message_json(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  options.preserve_proto_field_names = true;
  LenientResolver resolver;
  std::string text;
  const Status status = google::protobuf::util::BinaryToJsonString(
      &resolver, std::string(kUrlPrefix) + "/" + message.GetDescriptor()->full_name(),
      message.SerializeAsString(), &text, options);
  if (!status.ok()) return Error{status.ToString()};
  return text;
}

}  // namespace weir::config_dump
