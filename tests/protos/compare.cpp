// SPDX-License-Identifier: Apache-2.0
// Compares our proto files with the official ones: every name, number, type, label and oneof that
// we have must be Envoy's, and every name of Envoy's that we do not implement must be reserved, so
// that its users are told so.
#include <cstdio>
#include <fstream>
#include <string>

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/descriptor_database.h>

namespace {

using namespace google::protobuf;

class Comparison {
 public:
  void compare_file(const FileDescriptor& ours, const FileDescriptor& official) {
    if (ours.package() != official.package())
      differ(ours.name(), "package", ours.package(), official.package());
    for (int i = 0; i < ours.message_type_count(); ++i) {
      const Descriptor& message = *ours.message_type(i);
      compare_found(message, official.FindMessageTypeByName(message.name()));
    }
    for (int i = 0; i < ours.enum_type_count(); ++i) {
      const EnumDescriptor& type = *ours.enum_type(i);
      compare_found(type, official.FindEnumTypeByName(type.name()));
    }
  }

  void report(const std::string& where, const std::string& what) {
    std::fprintf(stderr, "%s: %s\n", where.c_str(), what.c_str());
    ++differences;
  }

  int differences = 0;
  int compared = 0;

 private:
  void differ(const std::string& where, const char* what, const std::string& ours,
              const std::string& official) {
    report(where, std::string(what) + " is '" + ours + "', Envoy's is '" + official + "'");
  }

  void compare_found(const Descriptor& ours, const Descriptor* official) {
    if (official == nullptr) return report(ours.full_name(), "Envoy has no such message");
    for (int i = 0; i < ours.field_count(); ++i)
      compare_field(*ours.field(i), official->FindFieldByName(ours.field(i)->name()));
    for (int i = 0; i < official->field_count(); ++i) {
      const std::string& name = official->field(i)->name();
      if (ours.FindFieldByName(name) == nullptr && !ours.IsReservedName(name))
        report(ours.full_name(), "neither has nor reserves Envoy's field '" + name + "'");
    }
    for (int i = 0; i < ours.reserved_name_count(); ++i)
      if (official->FindFieldByName(ours.reserved_name(i)) == nullptr)
        report(ours.full_name(),
               "reserves '" + ours.reserved_name(i) + "', which Envoy does not have");
    for (int i = 0; i < ours.nested_type_count(); ++i) {
      const Descriptor& nested = *ours.nested_type(i);
      compare_found(nested, official->FindNestedTypeByName(nested.name()));
    }
    for (int i = 0; i < ours.enum_type_count(); ++i) {
      const EnumDescriptor& nested = *ours.enum_type(i);
      compare_found(nested, official->FindEnumTypeByName(nested.name()));
    }
  }

  static std::string type_of(const FieldDescriptor& field) {
    if (field.message_type() != nullptr) return field.message_type()->full_name();
    if (field.enum_type() != nullptr) return field.enum_type()->full_name();
    return field.type_name();
  }

  static std::string label_of(const FieldDescriptor& field) {
    return field.is_map()         ? "map"
           : field.is_repeated()  ? "repeated"
           : field.has_presence() ? "optional"
                                  : "singular";
  }

  static std::string oneof_of(const FieldDescriptor& field) {
    return field.real_containing_oneof() == nullptr ? "" : field.real_containing_oneof()->name();
  }

  void compare_field(const FieldDescriptor& ours, const FieldDescriptor* official) {
    if (official == nullptr) return report(ours.full_name(), "Envoy has no such field");
    ++compared;
    const std::string& where = ours.full_name();
    if (ours.number() != official->number())
      differ(where, "number", std::to_string(ours.number()), std::to_string(official->number()));
    if (type_of(ours) != type_of(*official))
      differ(where, "type", type_of(ours), type_of(*official));
    if (label_of(ours) != label_of(*official))
      differ(where, "label", label_of(ours), label_of(*official));
    if (oneof_of(ours) != oneof_of(*official))
      differ(where, "oneof", oneof_of(ours), oneof_of(*official));
    if (ours.json_name() != official->json_name())
      differ(where, "JSON name", ours.json_name(), official->json_name());
  }

  void compare_found(const EnumDescriptor& ours, const EnumDescriptor* official) {
    if (official == nullptr) return report(ours.full_name(), "Envoy has no such enum");
    for (int i = 0; i < ours.value_count(); ++i) {
      const EnumValueDescriptor* value = official->FindValueByName(ours.value(i)->name());
      ++compared;
      if (value == nullptr)
        report(ours.value(i)->full_name(), "Envoy has no such value");
      else if (value->number() != ours.value(i)->number())
        differ(ours.value(i)->full_name(), "number", std::to_string(ours.value(i)->number()),
               std::to_string(value->number()));
    }
    for (int i = 0; i < official->value_count(); ++i) {
      const std::string& name = official->value(i)->name();
      if (ours.FindValueByName(name) == nullptr && !ours.IsReservedName(name))
        report(ours.full_name(), "neither has nor reserves Envoy's value '" + name + "'");
    }
  }
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: compare DESCRIPTOR_SET FILE...\n");
    return 2;
  }
  FileDescriptorSet set;
  std::ifstream in(argv[1], std::ios::binary);
  if (!set.ParseFromIstream(&in) || set.file_size() == 0) {
    std::fprintf(stderr, "descriptor set '%s': cannot be read\n", argv[1]);
    return 1;
  }
  SimpleDescriptorDatabase database;
  for (const FileDescriptorProto& file : set.file()) database.Add(file);
  DescriptorPool official_pool(&database);

  Comparison comparison;
  for (int i = 2; i < argc; ++i) {
    const FileDescriptor* ours = DescriptorPool::generated_pool()->FindFileByName(argv[i]);
    const FileDescriptor* official = official_pool.FindFileByName(argv[i]);
    if (ours == nullptr)
      comparison.report(argv[i], "not linked into this program");
    else if (official == nullptr)
      comparison.report(argv[i], "Envoy has no such file");
    else
      comparison.compare_file(*ours, *official);
  }
  std::printf("%d fields and values compared, %d differences\n", comparison.compared,
              comparison.differences);
  return comparison.differences == 0 && comparison.compared > 0 ? 0 : 1;
}
