// SPDX-License-Identifier: Apache-2.0
#include "init/nft/elements.hpp"

#include <netinet/in.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

#include <libmnl/libmnl.h>

#include <algorithm>
#include <cstring>

#include "init/nft/attributes.hpp"
#include "init/nft/wire.hpp"
#include "init/rules/interval.hpp"

namespace weir::init {
namespace {

// NFTNL_UDATA_SET_ELEM_FLAGS, 4 bytes, NFTNL_SET_ELEM_F_INTERVAL_OPEN in host order: how nft(8)
// marks an interval that runs to the highest value.
struct OpenIntervalNote {
  std::uint8_t type = 1;
  std::uint8_t length = 4;
  std::uint8_t flags[4];
};

char* put_header(char* out, std::uint16_t type, std::size_t payload) {
  const nlattr header{static_cast<std::uint16_t>(sizeof(nlattr) + payload), type};
  std::memcpy(out, &header, sizeof header);
  return out + sizeof header;
}

char* put_padded(char* out, const void* data, std::size_t size) {
  std::memcpy(out, data, size);
  const std::size_t padded = MNL_ALIGN(size);
  std::memset(out + size, 0, padded - size);
  return out + padded;
}

// NFTA_SET_ELEM_DATA { NFTA_DATA_VERDICT { code, chain } }, without its header.
std::size_t jump_size(std::string_view chain) {
  return 3 * sizeof(nlattr) + sizeof(std::uint32_t) + MNL_ALIGN(chain.size() + 1);
}

char* put_jump(char* out, const std::string& chain) {
  out = put_header(out, NLA_F_NESTED | NFTA_SET_ELEM_DATA, jump_size(chain));
  out = put_header(out, NLA_F_NESTED | NFTA_DATA_VERDICT, jump_size(chain) - sizeof(nlattr));
  const std::uint32_t code = htonl(static_cast<std::uint32_t>(NFT_JUMP));
  out = put_header(out, NFTA_VERDICT_CODE, sizeof code);
  out = put_padded(out, &code, sizeof code);
  out = put_header(out, NFTA_VERDICT_CHAIN, chain.size() + 1);
  return put_padded(out, chain.c_str(), chain.size() + 1);
}

// One kernel element: list item { [flags], key { value }, [data], [user data] }, in nft's order.
// `chain` is what a map jumps to, or nullptr.
char* put_kernel_element(char* out, KeyType type, const Key& key, bool ends_interval, bool open,
                         const std::string* chain = nullptr) {
  const std::size_t size = key_size(type);
  const std::size_t key_attribute = 2 * sizeof(nlattr) + MNL_ALIGN(size);
  const std::size_t flags_attribute = ends_interval ? sizeof(nlattr) + sizeof(std::uint32_t) : 0;
  const std::size_t note_attribute =
      open ? sizeof(nlattr) + MNL_ALIGN(sizeof(OpenIntervalNote)) : 0;
  const std::size_t data_attribute = chain == nullptr ? 0 : sizeof(nlattr) + jump_size(*chain);
  out = put_header(out, NLA_F_NESTED | NFTA_LIST_ELEM,
                   key_attribute + flags_attribute + data_attribute + note_attribute);
  if (ends_interval) {
    const std::uint32_t flags = htonl(NFT_SET_ELEM_INTERVAL_END);
    out = put_header(out, NFTA_SET_ELEM_FLAGS, sizeof flags);
    out = put_padded(out, &flags, sizeof flags);
  }
  std::uint8_t wire[16];
  key_to_wire(type, key, wire);
  out = put_header(out, NLA_F_NESTED | NFTA_SET_ELEM_KEY, sizeof(nlattr) + MNL_ALIGN(size));
  out = put_header(out, NFTA_DATA_VALUE, size);
  out = put_padded(out, wire, size);
  if (chain != nullptr) out = put_jump(out, *chain);
  if (open) {
    OpenIntervalNote note{};
    const std::uint32_t flags = 1;
    std::memcpy(note.flags, &flags, sizeof flags);
    out = put_header(out, NFTA_SET_ELEM_USERDATA, sizeof note);
    out = put_padded(out, &note, sizeof note);
  }
  return out;
}

// False when the key is not one of this type.
bool decode_key(const nlattr* attribute, KeyType type, Key& key) {
  const auto* value = static_cast<const nlattr*>(mnl_attr_get_payload(attribute));
  if (mnl_attr_get_payload_len(attribute) < sizeof(nlattr) ||
      mnl_attr_get_payload_len(value) != key_size(type))
    return false;
  key = key_from_wire(type, static_cast<const std::uint8_t*>(mnl_attr_get_payload(value)));
  return true;
}

// The chain that a map's element jumps to; empty for any other verdict.
std::string decode_jump(const nlattr* data) {
  std::uint32_t code = 0;
  std::string chain;
  for_each_nested(data, [&](const nlattr* verdict) {
    for_each_nested(verdict, [&](const nlattr* attribute) {
      if (mnl_attr_get_type(attribute) == NFTA_VERDICT_CODE)
        code = ntohl(mnl_attr_get_u32(attribute));
      if (mnl_attr_get_type(attribute) == NFTA_VERDICT_CHAIN) chain = mnl_attr_get_str(attribute);
    });
  });
  return static_cast<int>(code) == NFT_JUMP ? chain : std::string{};
}

// `chain` is where a map's element puts its jump, nullptr for a set.
bool decode_element(const nlattr* item, KeyType type, RawElement& element, std::string* chain,
                    std::string& unknown) {
  bool has_key = false;
  for_each_nested(item, [&](const nlattr* attribute) {
    switch (mnl_attr_get_type(attribute)) {
      case NFTA_SET_ELEM_KEY:
        has_key = decode_key(attribute, type, element.key);
        break;
      case NFTA_SET_ELEM_FLAGS: {
        const std::uint32_t flags = ntohl(mnl_attr_get_u32(attribute));
        element.ends_interval = (flags & NFT_SET_ELEM_INTERVAL_END) != 0;
        if ((flags & ~std::uint32_t{NFT_SET_ELEM_INTERVAL_END}) != 0)
          unknown = "unusual element flags";
        break;
      }
      case NFTA_SET_ELEM_DATA:
        if (chain == nullptr)
          unknown = "elements with data";
        else
          *chain = decode_jump(attribute);
        break;
      case NFTA_SET_ELEM_USERDATA:
      case NFTA_SET_ELEM_PAD:
        break;
      default:
        unknown = "elements with unusual attributes";
    }
  });
  return has_key;
}

template <class Visit>
void for_each_element(const nlmsghdr* message, Visit&& visit) {
  for_each_attribute(message, sizeof(nfgenmsg), [&](const nlattr* attribute) {
    if (mnl_attr_get_type(attribute) == NFTA_SET_ELEM_LIST_ELEMENTS)
      for_each_nested(attribute, visit);
  });
}

bool comes_before(const RawElement& a, const RawElement& b) {
  // Where one interval ends and the next starts at once, the end comes first.
  return a.key < b.key || (a.key == b.key && a.ends_interval && !b.ends_interval);
}

}  // namespace

std::size_t element_size(KeyType type) {
  const std::size_t key = 3 * sizeof(nlattr) + MNL_ALIGN(key_size(type));
  return 2 * key + 2 * sizeof(nlattr) + sizeof(std::uint32_t) + MNL_ALIGN(sizeof(OpenIntervalNote));
}

char* encode_element(KeyType type, const Interval& interval, char* out) {
  if (!has_intervals(type)) return put_kernel_element(out, type, interval.first, false, false);
  Key end = interval.last;
  const bool open = !increment(end, key_size(type));
  out = put_kernel_element(out, type, interval.first, false, open);
  return open ? out : put_kernel_element(out, type, end, true, false);
}

char* encode_map_element(KeyType type, const MapElement& element, char* out) {
  Key end = element.range.last;
  const bool open = !increment(end, key_size(type));
  out = put_kernel_element(out, type, element.range.first, false, open, &element.chain);
  return open ? out : put_kernel_element(out, type, end, true, false);
}

void decode_elements(const nlmsghdr* message, KeyType type, std::vector<RawElement>& elements,
                     std::string& unknown) {
  for_each_element(message, [&](const nlattr* item) {
    RawElement element;
    if (decode_element(item, type, element, nullptr, unknown))
      elements.push_back(element);
    else
      unknown = "elements of another size";
  });
}

void decode_map_elements(const nlmsghdr* message, KeyType type, std::vector<RawElement>& elements,
                         std::vector<std::string>& chains, std::string& unknown) {
  for_each_element(message, [&](const nlattr* item) {
    RawElement element;
    std::string chain;
    if (!decode_element(item, type, element, &chain, unknown)) unknown = "elements of another size";
    if (chain.empty() && !element.ends_interval) unknown = "elements that do not jump";
    elements.push_back(element);
    chains.push_back(std::move(chain));
  });
}

std::vector<Interval> assemble_intervals(KeyType type, std::vector<RawElement> elements) {
  // The kernel's tree comes out highest first: turning it round is usually all the sorting there
  // is.
  std::reverse(elements.begin(), elements.end());
  if (!std::is_sorted(elements.begin(), elements.end(), comes_before))
    std::sort(elements.begin(), elements.end(), comes_before);
  std::vector<Interval> intervals;
  intervals.reserve(elements.size() / (has_intervals(type) ? 2 : 1) + 1);
  bool open = false;
  for (const RawElement& element : elements) {
    if (element.ends_interval) {
      // nft(8) starts a set with an end at zero that ends nothing.
      if (open) {
        intervals.back().last = element.key;
        decrement(intervals.back().last, key_size(type));
      }
      open = false;
      continue;
    }
    intervals.push_back({element.key, element.key});
    open = has_intervals(type);
    if (open) std::fill_n(intervals.back().last.bytes.begin(), key_size(type), std::uint8_t{0xff});
  }
  return intervals;
}

std::vector<MapElement> assemble_map(KeyType type, const std::vector<RawElement>& elements,
                                     const std::vector<std::string>& chains) {
  std::vector<MapElement> assembled;
  for (const Interval& range : assemble_intervals(type, elements)) {
    const auto start = std::find_if(elements.begin(), elements.end(), [&](const RawElement& e) {
      return e.key == range.first && !e.ends_interval;
    });
    assembled.push_back({range, chains[static_cast<std::size_t>(start - elements.begin())]});
  }
  return assembled;
}

}  // namespace weir::init
