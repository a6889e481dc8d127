// SPDX-License-Identifier: Apache-2.0
// Walking netlink attributes. libmnl's own macros do not compile as C++.
#pragma once

#include <linux/netlink.h>

#include <libmnl/libmnl.h>

#include <cstddef>
#include <utility>

namespace weir::init {

/// Calls `visit(const nlattr*)` for each attribute between `begin` and `end`; stops at a malformed
/// one.
template <class Visit>
void for_each_attribute(const void* begin, const void* end, Visit&& visit) {
  const auto* attribute = static_cast<const nlattr*>(begin);
  const auto left = [&] {
    return static_cast<int>(static_cast<const char*>(end) -
                            reinterpret_cast<const char*>(attribute));
  };
  for (; mnl_attr_ok(attribute, left()); attribute = mnl_attr_next(attribute)) visit(attribute);
}

/// The attributes of a message behind `offset` bytes of payload.
template <class Visit>
void for_each_attribute(const nlmsghdr* message, std::size_t offset, Visit&& visit) {
  for_each_attribute(mnl_nlmsg_get_payload_offset(message, offset),
                     mnl_nlmsg_get_payload_tail(message), std::forward<Visit>(visit));
}

/// The attributes within one.
template <class Visit>
void for_each_nested(const nlattr* parent, Visit&& visit) {
  const auto* begin = static_cast<const char*>(mnl_attr_get_payload(parent));
  for_each_attribute(begin, begin + mnl_attr_get_payload_len(parent), std::forward<Visit>(visit));
}

}  // namespace weir::init
