// SPDX-License-Identifier: Apache-2.0
// Set elements ↔ netlink attributes, without libnftnl: one allocation per element is what makes a
// hundred thousand of them slow. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "init/rule.hpp"

struct nlmsghdr;
struct nlattr;

namespace weir::init {

/// Bytes that one element takes at most (an interval is two kernel elements).
std::size_t element_size(KeyType type);

/// Writes the NFTA_LIST_ELEM attributes of `interval` at `out`. @return one past the last byte
/// written. An interval without an end (up to the highest value) gets no end element, and nft's
/// note saying so.
char* encode_element(KeyType type, const Interval& interval, char* out);

/// Kernel elements as they come: the keys, and whether each one ends an interval.
struct RawElement {
  Key key;
  bool ends_interval = false;
};

/// Appends the elements of one NFT_MSG_NEWSETELEM message. `unknown` gets a word for each attribute
/// that the IR cannot say (timeout, expression, …).
void decode_elements(const nlmsghdr* message, KeyType type, std::vector<RawElement>& elements,
                     std::string& unknown);

/// Pairs starts and ends. The elements may come in any order.
std::vector<Interval> assemble_intervals(KeyType type, std::vector<RawElement> elements);

}  // namespace weir::init
