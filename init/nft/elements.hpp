// SPDX-License-Identifier: Apache-2.0
// Set elements ↔ netlink attributes, without libnftnl: one allocation per element is what makes a
// hundred thousand of them slow. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "init/rules/rule.hpp"

struct nlmsghdr;
struct nlattr;

namespace weir::init {

/// Bytes that one element takes at most (an interval is two kernel elements).
std::size_t element_size(KeyType type);

/// Writes the NFTA_LIST_ELEM attributes of `interval` at `out`. @return one past the last byte
/// written. An interval without an end (up to the highest value) gets no end element, and nft's
/// note saying so.
char* encode_element(KeyType type, const Interval& interval, char* out);

/// The same for an entry of a map; `out` needs element_size() + kMapDataSize bytes.
char* encode_map_element(KeyType type, const MapElement& element, char* out);
inline constexpr std::size_t kMapDataSize = 320;  // a verdict with the longest name of a chain

/// Kernel elements as they come: the keys, and whether each one ends an interval.
struct RawElement {
  Key key;
  bool ends_interval = false;
};

/// Appends the elements of one NFT_MSG_NEWSETELEM message. `unknown` gets a word for each attribute
/// that the IR cannot say (timeout, expression, …).
void decode_elements(const nlmsghdr* message, KeyType type, std::vector<RawElement>& elements,
                     std::string& unknown);

/// The same for a map; `chains` gets the chain of each element, empty for one that ends an
/// interval.
void decode_map_elements(const nlmsghdr* message, KeyType type, std::vector<RawElement>& elements,
                         std::vector<std::string>& chains, std::string& unknown);

/// Pairs starts and ends. The elements may come in any order.
std::vector<Interval> assemble_intervals(KeyType type, std::vector<RawElement> elements);
/// The same for a map; `chains` as decode_map_elements() left them.
std::vector<MapElement> assemble_map(KeyType type, const std::vector<RawElement>& elements,
                                     const std::vector<std::string>& chains);

}  // namespace weir::init
