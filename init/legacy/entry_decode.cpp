// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>
#include <optional>

#include "init/legacy/entry.hpp"
#include "init/legacy/entry_layout.hpp"
#include "init/rules/interval.hpp"

namespace weir::init {
namespace {

using Item = std::variant<Match, Opaque>;

template <class T>
T read_as(std::span<const std::uint8_t> bytes, std::size_t offset) {
  T value{};
  if (offset < bytes.size())
    std::memcpy(&value, bytes.data() + offset, std::min(sizeof value, bytes.size() - offset));
  return value;
}

// One value as a Key, more as an interval: how lowered rules spell it.
std::variant<Key, SetName, std::vector<Interval>> operand(const Interval& range) {
  if (range.first == range.last) return range.first;
  return std::vector<Interval>{range};
}
Match ranged(Field field, bool negated, const Interval& range) {
  return Match{field, negated, operand(range)};
}
Match masked(Field field, bool negated, std::uint32_t value, std::uint32_t mask) {
  return Match{field, negated, id_key(value), mask};
}

Key bytes_key(const void* data, std::size_t size) {
  Key key;
  std::memcpy(key.bytes.data(), data, size);
  return key;
}

// The iprange matches about one address.
struct Ranges {
  std::vector<Interval> hulls;  // in it
  std::vector<Interval> gaps;   // not in it
};

template <class Layout>
class EntryReader {
 public:
  EntryReader(std::span<const std::uint8_t> bytes, std::string_view target, std::string_view table)
      : bytes_(bytes),
        target_(target),
        table_(table),
        entry_(read_as<typename Layout::Entry>(bytes, 0)) {}

  Rule read() {
    read_header();
    std::size_t at = sizeof(typename Layout::Entry);
    while (at + sizeof(xt_entry_match) <= entry_.target_offset) {
      const auto head = read_as<xt_entry_match>(bytes_, at);
      if (head.u.match_size < sizeof head) break;
      read_match(name_of(head), head.u.user.revision, at + sizeof head);
      at += head.u.match_size;
    }
    add_ranges(Layout::kSource, source_);
    add_ranges(Layout::kDestination, destination_);
    rule_.verdict = read_verdict();
    std::stable_sort(rule_.matches.begin(), rule_.matches.end(),
                     [](const Item& a, const Item& b) { return rank(a) < rank(b); });
    return std::move(rule_);
  }

 private:
  [[nodiscard]] const auto& header() const { return entry_.ip; }

  static int rank(const Item& item) {
    const Match* match = std::get_if<Match>(&item);
    return match == nullptr ? INT_MAX : match_rank(*match);
  }
  static std::string_view name_of(const xt_entry_match& head) {
    return {head.u.user.name, strnlen(head.u.user.name, sizeof head.u.user.name)};
  }
  void add(Item item) { rule_.matches.push_back(std::move(item)); }
  [[nodiscard]] bool inverted(int flag) const { return (header().invflags & flag) != 0; }

  void read_header() {
    if (header().proto != 0)
      add(Match{Field::l4proto, inverted(XT_INV_PROTO),
                byte_key(static_cast<std::uint8_t>(header().proto))});
    read_interface(Field::iifname, header().iniface, header().iniface_mask, IPT_INV_VIA_IN);
    read_interface(Field::oifname, header().outiface, header().outiface_mask, IPT_INV_VIA_OUT);
    read_address(Layout::kSource, header().src, header().smsk, IPT_INV_SRCIP);
    read_address(Layout::kDestination, header().dst, header().dmsk, IPT_INV_DSTIP);
  }

  void read_interface(Field field, const char* name, const unsigned char* mask, int flag) {
    if (mask[0] == 0) return;
    const std::size_t length = strnlen(name, IFNAMSIZ);
    Interval range{bytes_key(name, length), bytes_key(name, length)};
    if (length < IFNAMSIZ && mask[length] == 0)
      std::fill(range.last.bytes.begin() + static_cast<std::ptrdiff_t>(length),
                range.last.bytes.end(), std::uint8_t{0xff});
    add(ranged(field, inverted(flag), range));
  }

  template <class Address>
  void read_address(Field field, const Address& address, const Address& mask, int flag) {
    const Address none{};
    if (std::memcmp(&mask, &none, sizeof mask) == 0) return;
    Interval range{bytes_key(&address, sizeof address), bytes_key(&address, sizeof address)};
    const Key bits = bytes_key(&mask, sizeof mask);
    for (std::size_t i = 0; i < sizeof address; ++i)
      range.last.bytes[i] |= static_cast<std::uint8_t>(~bits.bytes[i]);
    add(ranged(field, inverted(flag), range));
  }

  void read_match(std::string_view name, std::uint8_t revision, std::size_t at) {
    const auto is = [&](const XtExtension& extension) {
      return name == extension.name && revision == extension.revision;
    };
    if (is(xt::kTcp)) return read_tcp(read_as<xt_tcp>(bytes_, at));
    if (is(xt::kUdp)) return read_udp(read_as<xt_udp>(bytes_, at));
    if (is(xt::kMultiport)) return read_multiport(read_as<xt_multiport_v1>(bytes_, at));
    if (is(xt::kIprange)) return read_range(read_as<xt_iprange_mtinfo>(bytes_, at));
    if (Layout::kFamily == IpFamily::v4 && is(xt::kU32))
      return read_tests(read_as<xt_u32>(bytes_, at));
    if (is(xt::kOwner)) return read_owner(read_as<xt_owner_match_info>(bytes_, at));
    if (is(xt::kConntrack)) return read_state(read_as<xt_conntrack_mtinfo3>(bytes_, at));
    if (is(xt::kComment)) return read_comment(read_as<xt_comment_info>(bytes_, at));
    if (is(xt::kSocket)) {
      const auto flags = read_as<xt_socket_mtinfo3>(bytes_, at).flags;
      return add(Match{Field::socket_transparent, false,
                       byte_key((flags & XT_SOCKET_TRANSPARENT) != 0 ? 1 : 0)});
    }
    if (is(xt::kMark)) {
      const auto info = read_as<xt_mark_mtinfo1>(bytes_, at);
      return add(masked(Field::mark, info.invert != 0, info.mark, info.mask));
    }
    if (is(xt::kConnmark)) {
      const auto info = read_as<xt_connmark_mtinfo1>(bytes_, at);
      return add(masked(Field::ct_mark, info.invert != 0, info.mark, info.mask));
    }
    add(Opaque{"match " + std::string(name) + " revision " + std::to_string(revision)});
  }

  void read_ports(Field field, const std::uint16_t (&ports)[2], bool negated) {
    if (ports[0] == 0 && ports[1] == 0xffff && !negated) return;
    add(ranged(field, negated, {port_key(ports[0]), port_key(ports[1])}));
  }
  void read_tcp(const xt_tcp& tcp) {
    read_ports(Field::tcp_dport, tcp.dpts, (tcp.invflags & XT_TCP_INV_DSTPT) != 0);
    if (tcp.flg_mask != 0)
      add(Match{Field::tcp_flags, (tcp.invflags & XT_TCP_INV_FLAGS) != 0, byte_key(tcp.flg_cmp)});
  }
  void read_udp(const xt_udp& udp) {
    read_ports(Field::udp_dport, udp.dpts, (udp.invflags & XT_UDP_INV_DSTPT) != 0);
    read_ports(Field::udp_sport, udp.spts, (udp.invflags & XT_UDP_INV_SRCPT) != 0);
  }

  void read_multiport(const xt_multiport_v1& info) {
    std::vector<Interval> ranges;
    for (std::size_t i = 0; i < std::min<std::size_t>(info.count, kMultiportSlots); ++i) {
      const bool is_range = info.pflags[i] != 0 && i + 1 < kMultiportSlots;
      ranges.push_back({port_key(info.ports[i]), port_key(info.ports[i + (is_range ? 1 : 0)])});
      if (is_range) ++i;
    }
    const Field destination = header().proto == IPPROTO_UDP ? Field::udp_dport : Field::tcp_dport;
    const Field field = info.flags == XT_MULTIPORT_SOURCE ? Field::udp_sport : destination;
    if (ranges.size() == 1) return add(ranged(field, info.invert != 0, ranges.front()));
    add(Match{field, info.invert != 0, std::move(ranges)});
  }

  void read_range(const xt_iprange_mtinfo& info) {
    constexpr std::size_t kSize = Layout::kFamily == IpFamily::v4 ? 4 : 16;
    if ((info.flags & IPRANGE_SRC) != 0) {
      const bool negated = (info.flags & IPRANGE_SRC_INV) != 0;
      (negated ? source_.gaps : source_.hulls)
          .push_back({bytes_key(&info.src_min, kSize), bytes_key(&info.src_max, kSize)});
    }
    if ((info.flags & IPRANGE_DST) != 0) {
      const bool negated = (info.flags & IPRANGE_DST_INV) != 0;
      (negated ? destination_.gaps : destination_.hulls)
          .push_back({bytes_key(&info.dst_min, kSize), bytes_key(&info.dst_max, kSize)});
    }
  }

  // What write_tests() makes; encoding it again tells whether that is all that it is.
  void read_tests(const xt_u32& info) {
    const xt_u32_test& first = info.tests[0];
    Ranges& ranges = first.location[0].number == kIpv4SourceOffset ? source_ : destination_;
    for (std::size_t t = 0; t < std::min<std::size_t>(info.ntests, kU32Tests); ++t) {
      const xt_u32_test& test = info.tests[t];
      for (std::size_t i = 1; i < std::min<std::size_t>(test.nvalues, kU32Ranges); ++i)
        ranges.gaps.push_back({id_key(test.value[i - 1].max + 1), id_key(test.value[i].min - 1)});
    }
    const auto last = std::clamp<std::size_t>(first.nvalues, 1, kU32Ranges) - 1;
    ranges.hulls.push_back({id_key(first.value[0].min), id_key(first.value[last].max)});
  }

  // A hull less its gaps is a list; the header's prefix only covers it.
  void add_ranges(Field field, const Ranges& ranges) {
    constexpr std::size_t kSize = Layout::kFamily == IpFamily::v4 ? 4 : 16;
    if (ranges.hulls.size() == 1 && !ranges.gaps.empty()) {
      std::erase_if(rule_.matches, [&](const Item& item) {
        const Match* match = std::get_if<Match>(&item);
        return match != nullptr && match->field == field && !match->negated;
      });
      std::vector<Interval> list{{ranges.hulls.front().first, {}}};
      for (const Interval& gap : ranges.gaps) {
        // A gap at zero would leave nothing before it; then the entry is not one of ours.
        if (gap.first == Key{}) return add(Opaque{"a range from zero"});
        list.back().last = gap.first;
        decrement(list.back().last, kSize);
        list.push_back({gap.last, {}});
        increment(list.back().first, kSize);
      }
      list.back().last = ranges.hulls.front().last;
      return add(Match{field, false, std::move(list)});
    }
    for (const Interval& hull : ranges.hulls) add(ranged(field, false, hull));
    if (ranges.gaps.size() == 1) add(ranged(field, true, ranges.gaps.front()));
    if (ranges.gaps.size() > 1) add(Match{field, true, ranges.gaps});
  }

  void read_owner(const xt_owner_match_info& info) {
    if ((info.match & XT_OWNER_UID) != 0) {
      const Field field = info.uid_min == info.uid_max ? Field::skuid : Field::skuid_range;
      add(ranged(field, (info.invert & XT_OWNER_UID) != 0,
                 {id_key(info.uid_min), id_key(info.uid_max)}));
    }
    if ((info.match & XT_OWNER_GID) != 0)
      add(ranged(Field::skgid, (info.invert & XT_OWNER_GID) != 0,
                 {id_key(info.gid_min), id_key(info.gid_max)}));
  }

  void read_state(const xt_conntrack_mtinfo3& info) {
    std::uint32_t states = info.state_mask & ~std::uint32_t{kXtStateUntracked};
    if ((info.state_mask & kXtStateUntracked) != 0) states |= kCtStateUntracked;
    add(Match{Field::ct_state, (info.invert_flags & XT_CONNTRACK_STATE) != 0, id_key(states)});
  }

  void read_comment(const xt_comment_info& info) {
    rule_.comment.assign(info.comment, strnlen(info.comment, sizeof info.comment));
  }

  Verdict read_verdict() {
    if (target_.empty()) return Continue{};
    const auto head = read_as<xt_entry_target>(bytes_, entry_.target_offset);
    // In the kernel a label's target has no name; one that is still to be written has its label.
    if (head.u.user.name[0] == 0 || is_label(target_)) return read_label();
    return read_extension(head.u.user.revision, entry_.target_offset + sizeof head);
  }

  static bool is_label(std::string_view name) {
    return name == "RETURN" || name == "ACCEPT" || name == "DROP" || name.starts_with(kChainPrefix);
  }

  [[nodiscard]] Verdict read_label() const {
    if (target_ == "RETURN") return Return{};
    if (target_ == "ACCEPT") return Accept{};
    if (target_ == "DROP") return Drop{};
    const std::string chain = std::string(table_) + std::string(target_);
    if ((header().flags & Layout::kGoto) != 0) return Goto{chain};
    return Jump{chain};
  }

  [[nodiscard]] Verdict read_extension(std::uint8_t revision, std::size_t at) const {
    const auto is = [&](const XtExtension& extension) {
      return target_ == extension.name && revision == extension.revision;
    };
    if (is(xt::kRedirectTarget)) return Redirect{redirect_port(at)};
    if (is(xt::kTproxyTarget)) {
      const auto info = read_as<xt_tproxy_target_info_v1>(bytes_, at);
      return Tproxy{ntohs(info.lport), info.mark_value, info.mark_mask};
    }
    if (is(xt::kMarkTarget)) {
      const auto info = read_as<xt_mark_tginfo2>(bytes_, at);
      return SetMark{info.mark, info.mask};
    }
    if (is(xt::kConnmarkTarget)) {
      const auto info = read_as<xt_connmark_tginfo2>(bytes_, at);
      return SetCtMark{info.ctmark, info.ctmask};
    }
    if (is(xt::kCtTarget)) return SetZone{read_as<xt_ct_target_info_v1>(bytes_, at).zone};
    if (is(xt::kRejectTarget)) {
      const auto with = read_as<ip6t_reject_info>(bytes_, at).with;
      if (with == Layout::kTcpReset) return Reject{Rejection::tcp_reset};
      if (with == Layout::kPortUnreachable) return Reject{Rejection::port_unreachable};
    }
    return Opaque{"target " + std::string(target_) + " revision " + std::to_string(revision)};
  }

  [[nodiscard]] std::uint16_t redirect_port(std::size_t at) const {
    if constexpr (Layout::kFamily == IpFamily::v4)
      return ntohs(read_as<nf_nat_ipv4_multi_range_compat>(bytes_, at).range[0].min.all);
    else
      return ntohs(read_as<nf_nat_range>(bytes_, at).min_proto.all);
  }

  std::span<const std::uint8_t> bytes_;
  std::string_view target_;
  std::string_view table_;
  Rule rule_;
  Ranges source_;
  Ranges destination_;
  typename Layout::Entry entry_;
};

bool is_label(const Verdict& verdict) {
  return std::holds_alternative<Return>(verdict) || std::holds_alternative<Accept>(verdict) ||
         std::holds_alternative<Drop>(verdict) || std::holds_alternative<Continue>(verdict) ||
         std::holds_alternative<Jump>(verdict) || std::holds_alternative<Goto>(verdict);
}

// The extensions from `at` to `end`, each with its head. The kernel leaves what follows the NUL of
// a name as it was in the buffer.
bool same_extensions(std::span<const std::uint8_t> a, std::span<const std::uint8_t> b,
                     std::size_t at, std::size_t end) {
  while (at + sizeof(xt_entry_match) <= end) {
    const auto head_a = read_as<xt_entry_match>(a, at);
    const auto head_b = read_as<xt_entry_match>(b, at);
    const std::size_t size = head_a.u.match_size;
    if (size != head_b.u.match_size || size < sizeof head_a || at + size > end ||
        head_a.u.user.revision != head_b.u.user.revision ||
        strncmp(head_a.u.user.name, head_b.u.user.name, sizeof head_a.u.user.name) != 0)
      return false;
    const std::size_t data = at + sizeof head_a;
    if (std::memcmp(a.data() + data, b.data() + data, size - sizeof head_a) != 0) return false;
    at += size;
  }
  return at == end;
}

// Left out: what the kernel and libiptc keep in an entry for themselves. `with_target` is false
// for a label, which is an offset in the kernel.
template <class Layout>
bool same(std::span<const std::uint8_t> left, std::span<const std::uint8_t> right,
          bool with_target) {
  const auto a = read_as<typename Layout::Entry>(left, 0);
  const auto b = read_as<typename Layout::Entry>(right, 0);
  if (left.size() != right.size() || a.target_offset != b.target_offset ||
      a.next_offset != b.next_offset || std::memcmp(left.data(), right.data(), sizeof a.ip) != 0)
    return false;
  if (!same_extensions(left, right, sizeof a, a.target_offset)) return false;
  return !with_target || same_extensions(left, right, a.target_offset, left.size());
}

template <class Layout>
Rule decode(std::span<const std::uint8_t> entry, std::string_view target, std::string_view table) {
  Rule rule = EntryReader<Layout>(entry, target, table).read();
  const bool opaque = std::holds_alternative<Opaque>(rule.verdict) ||
                      std::any_of(rule.matches.begin(), rule.matches.end(), [](const Item& item) {
                        return std::holds_alternative<Opaque>(item);
                      });
  if (!opaque && !same<Layout>(entry, encode_entry(Layout::kFamily, rule), !is_label(rule.verdict)))
    rule.matches.emplace_back(Opaque{"options that weir-init does not use"});
  return rule;
}

}  // namespace

bool same_entry(IpFamily family, std::span<const std::uint8_t> left,
                std::span<const std::uint8_t> right) {
  if (family == IpFamily::v4) return same<LayoutV4>(left, right, true);
  return same<LayoutV6>(left, right, true);
}

Rule decode_entry(IpFamily family, std::span<const std::uint8_t> entry, std::string_view target,
                  std::string_view table) {
  if (family == IpFamily::v4) return decode<LayoutV4>(entry, target, table);
  return decode<LayoutV6>(entry, target, table);
}

}  // namespace weir::init
