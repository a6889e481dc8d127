// SPDX-License-Identifier: Apache-2.0
// Field masks over messages whose resources are inside of an Any.
#pragma once

#include <string_view>

#include <google/protobuf/field_mask.pb.h>

namespace google::protobuf {
class Message;
}

namespace weir::config_dump {

/// "a,b.c".
google::protobuf::FieldMask field_mask_of(std::string_view text);

/// Leaves in `message` what `mask` names. @return false: a path does not exist, or leads into a
/// list; nothing is changed.
bool apply_mask(const google::protobuf::FieldMask& mask, google::protobuf::Message& message);

/// The same, with paths that go on in the message that an Any of `message` holds: "cluster.name".
bool apply_resource_mask(const google::protobuf::FieldMask& mask,
                         google::protobuf::Message& message);

}  // namespace weir::config_dump
