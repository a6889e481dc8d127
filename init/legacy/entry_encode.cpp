// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cassert>
#include <cstring>

#include "init/legacy/entry.hpp"
#include "init/legacy/entry_layout.hpp"

namespace weir::init {
namespace {

std::uint32_t number(const Key& key, std::size_t size) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < size; ++i) value = value << 8 | key.bytes[i];
  return value;
}
std::uint16_t port(const Key& key) { return static_cast<std::uint16_t>(number(key, 2)); }

bool is_port(Field field) {
  return field == Field::tcp_dport || field == Field::udp_dport || field == Field::udp_sport;
}

// Appends to the entry; extensions are aligned as XT_ALIGN says.
template <class Layout>
class EntryWriter {
 public:
  explicit EntryWriter(const Rule& rule) : rule_(rule) {
    bytes_.reserve(sizeof(typename Layout::Entry) + XT_ALIGN(sizeof(xt_standard_target)));
    bytes_.resize(sizeof(typename Layout::Entry));
  }

  std::vector<std::uint8_t> write() {
    write_transport();
    for (const auto& item : rule_.matches) write_match(std::get<Match>(item));
    if (!rule_.comment.empty()) write_comment();
    entry().target_offset = static_cast<std::uint16_t>(bytes_.size());
    std::visit([this](const auto& verdict) { write_verdict(verdict); }, rule_.verdict);
    entry().next_offset = static_cast<std::uint16_t>(bytes_.size());
    return std::move(bytes_);
  }

 private:
  auto& entry() { return *reinterpret_cast<typename Layout::Entry*>(bytes_.data()); }
  auto& header() { return entry().ip; }

  // Adds an extension with zeroed data. The data is filled where it stays, so that its padding is
  // zero as well. @return valid until the next one is added.
  template <class Data>
  Data& append(const XtExtension& extension) {
    static_assert(sizeof(xt_entry_match) == sizeof(xt_entry_target));  // they begin alike
    const std::size_t at = bytes_.size();
    const std::size_t size = sizeof(xt_entry_match) + XT_ALIGN(sizeof(Data));
    bytes_.resize(at + size);
    auto& head = *reinterpret_cast<xt_entry_match*>(bytes_.data() + at);
    head.u.user.match_size = static_cast<std::uint16_t>(size);
    std::memcpy(head.u.user.name, extension.name.data(), extension.name.size());
    head.u.user.revision = extension.revision;
    return *reinterpret_cast<Data*>(bytes_.data() + at + sizeof head);
  }

  // Single port ranges and the flags share one match of the protocol.
  void write_transport() {
    xt_tcp tcp{};
    tcp.spts[1] = tcp.dpts[1] = 0xffff;
    bool is_udp = false;
    bool used = false;
    for (const auto& item : rule_.matches) {
      const Match& match = std::get<Match>(item);
      if (match.field == Field::tcp_flags) {
        const auto value = operand_interval(match).first.bytes[0];
        tcp.flg_mask = kTcpFlagsMask;
        tcp.flg_cmp = value;
        if (match.negated) tcp.invflags |= XT_TCP_INV_FLAGS;
        used = true;
      } else if (is_port(match.field) && is_single_range(match) && !port_written(match.field)) {
        mark_written(match);
        is_udp = match.field != Field::tcp_dport;
        set_ports(tcp, match);
        used = true;
      }
    }
    if (!used) return;
    if (!is_udp) {
      append<xt_tcp>(xt::kTcp) = tcp;
      return;
    }
    auto& udp = append<xt_udp>(xt::kUdp);
    std::copy(std::begin(tcp.spts), std::end(tcp.spts), udp.spts);
    std::copy(std::begin(tcp.dpts), std::end(tcp.dpts), udp.dpts);
    udp.invflags = tcp.invflags;  // the bits for the ports are the same
    static_assert(XT_UDP_INV_SRCPT == XT_TCP_INV_SRCPT && XT_UDP_INV_DSTPT == XT_TCP_INV_DSTPT);
  }

  static void set_ports(xt_tcp& tcp, const Match& match) {
    const Interval range = operand_interval(match);
    const bool source = match.field == Field::udp_sport;
    auto& ports = source ? tcp.spts : tcp.dpts;
    ports[0] = port(range.first);
    ports[1] = port(range.last);
    if (match.negated)
      tcp.invflags |= static_cast<std::uint8_t>(source ? XT_TCP_INV_SRCPT : XT_TCP_INV_DSTPT);
  }

  // Whether a match of this field is in the header or the protocol's match already.
  [[nodiscard]] bool port_written(Field field) const {
    return std::any_of(in_place_.begin(), in_place_.end(),
                       [&](const Match* m) { return m->field == field; });
  }
  void mark_written(const Match& match) { in_place_.push_back(&match); }
  [[nodiscard]] bool is_written(const Match& match) const {
    return std::find(in_place_.begin(), in_place_.end(), &match) != in_place_.end();
  }

  void write_match(const Match& match) {
    if (is_written(match)) return;
    switch (match.field) {
      case Field::l4proto:
        return write_protocol(match);
      case Field::iifname:
        return write_interface(match, header().iniface, header().iniface_mask, IPT_INV_VIA_IN);
      case Field::oifname:
        return write_interface(match, header().outiface, header().outiface_mask, IPT_INV_VIA_OUT);
      case Layout::kSource:
        return write_address(match, header().src, header().smsk, IPT_INV_SRCIP);
      case Layout::kDestination:
        return write_address(match, header().dst, header().dmsk, IPT_INV_DSTIP);
      case Field::tcp_dport:
      case Field::udp_dport:
      case Field::udp_sport:
        return write_multiport(match);
      case Field::skuid:
      case Field::skuid_range:
      case Field::skgid:
        return write_owner(match);
      case Field::mark:
        return write_mark(append<xt_mark_mtinfo1>(xt::kMark), match);
      case Field::ct_mark:
        return write_mark(append<xt_connmark_mtinfo1>(xt::kConnmark), match);
      case Field::ct_state:
        return write_state(match);
      case Field::socket_transparent:
        return write_socket(match);
      default:
        return;  // tcp_flags are written; a lowered rule has no other field
    }
  }

  template <class Info>
  static void write_mark(Info& info, const Match& match) {
    info.mark = value_of(match);
    info.mask = match.mask;
    info.invert = match.negated;
  }

  static std::uint32_t value_of(const Match& match) {
    return number(operand_interval(match).first, 4);
  }

  void write_protocol(const Match& match) {
    header().proto = operand_interval(match).first.bytes[0];
    header().flags |= Layout::kHasProtocol;
    if (match.negated) header().invflags |= XT_INV_PROTO;
  }

  void write_interface(const Match& match, char* name, unsigned char* mask, int inverted) {
    const Interval range = operand_interval(match);
    const auto* text = reinterpret_cast<const char*>(range.first.bytes.data());
    const std::size_t length = strnlen(text, IFNAMSIZ);
    std::memcpy(name, text, length);
    // With its NUL a name is compared whole, without as a prefix.
    const bool exact = range.first == range.last;
    std::memset(mask, 0xff, length + (exact ? 1 : 0));
    if (match.negated) header().invflags |= static_cast<std::uint8_t>(inverted);
  }

  template <class Address>
  void write_address(const Match& match, Address& address, Address& mask, int inverted) {
    const auto* list = std::get_if<std::vector<Interval>>(&match.operand);
    if (list != nullptr && list->size() > 1) return write_list(match, *list, address, mask);
    const Interval range = operand_interval(match);
    if (!prefix_length(range, sizeof address) || is_set(mask))
      return write_range(match.field, range, match.negated);
    write_prefix(range, address, mask);
    if (match.negated) header().invflags |= static_cast<std::uint8_t>(inverted);
  }

  // In none of them: none of the ranges. In one of them: between the first and the last, and in
  // none of the gaps; the header's prefix spares most packets the ranges. (The header's reference
  // is not used after the first append.)
  template <class Address>
  void write_list(const Match& match, const std::vector<Interval>& list, Address& address,
                  Address& mask) {
    assert(list.size() <= (sizeof mask == 4 ? kAddressSlotsU32 : kAddressSlots));
    if (match.negated) {
      for (const Interval& range : list) write_range(match.field, range, true);
      return;
    }
    const Interval hull{list.front().first, list.back().last};
    write_prefix(covering_prefix(hull, sizeof address), address, mask);
    if (list.size() > kAddressSlots) return write_tests(match.field, list);
    write_range(match.field, hull, false);
    for (const Interval& gap : gaps_between(list, sizeof address))
      write_range(match.field, gap, true);
  }

  // A test holds in the hull but for its nine gaps; all tests must hold.
  void write_tests(Field field, const std::vector<Interval>& list) {
    auto& info = append<xt_u32>(xt::kU32);
    const auto gaps = gaps_between(list, 4);
    constexpr std::size_t kGaps = kU32Ranges - 1;
    for (std::size_t at = 0; at < gaps.size(); at += kGaps) {
      assert(info.ntests < kU32Tests);
      xt_u32_test& test = info.tests[info.ntests++];
      test.location[0].number =
          field == Layout::kSource ? kIpv4SourceOffset : kIpv4DestinationOffset;
      test.nnums = 1;
      test.value[0].min = number(list.front().first, 4);
      for (std::size_t i = at; i < std::min(at + kGaps, gaps.size()); ++i) {
        test.value[test.nvalues++].max = number(gaps[i].first, 4) - 1;
        test.value[test.nvalues].min = number(gaps[i].last, 4) + 1;
      }
      test.value[test.nvalues++].max = number(list.back().last, 4);
    }
  }

  template <class Address>
  static bool is_set(const Address& mask) {
    const Address none{};
    return std::memcmp(&mask, &none, sizeof mask) != 0;
  }

  template <class Address>
  static void write_prefix(const Interval& prefix, Address& address, Address& mask) {
    std::uint8_t bits[sizeof mask];
    for (std::size_t i = 0; i < sizeof mask; ++i)
      bits[i] = static_cast<std::uint8_t>(~(prefix.first.bytes[i] ^ prefix.last.bytes[i]));
    std::memcpy(&address, prefix.first.bytes.data(), sizeof address);
    std::memcpy(&mask, bits, sizeof mask);
  }

  void write_range(Field field, const Interval& range, bool negated) {
    auto& info = append<xt_iprange_mtinfo>(xt::kIprange);
    const bool source = field == Layout::kSource;
    std::memcpy(source ? &info.src_min : &info.dst_min, range.first.bytes.data(), 16);
    std::memcpy(source ? &info.src_max : &info.dst_max, range.last.bytes.data(), 16);
    info.flags = source ? IPRANGE_SRC : IPRANGE_DST;
    if (negated) info.flags |= source ? IPRANGE_SRC_INV : IPRANGE_DST_INV;
  }

  void write_multiport(const Match& match) {
    auto& info = append<xt_multiport_v1>(xt::kMultiport);
    info.flags = match.field == Field::udp_sport ? XT_MULTIPORT_SOURCE : XT_MULTIPORT_DESTINATION;
    info.invert = match.negated;
    const auto add = [&](const Interval& range) {
      const bool is_range = range.first != range.last;
      assert(info.count + (is_range ? 2U : 1U) <= kMultiportSlots);
      if (is_range) info.pflags[info.count] = 1;
      info.ports[info.count++] = port(range.first);
      if (is_range) info.ports[info.count++] = port(range.last);
    };
    if (const auto* ranges = std::get_if<std::vector<Interval>>(&match.operand))
      std::for_each(ranges->begin(), ranges->end(), add);
    else
      add(operand_interval(match));
  }

  void write_owner(const Match& match) {
    const Interval range = operand_interval(match);
    auto& info = append<xt_owner_match_info>(xt::kOwner);
    const bool group = match.field == Field::skgid;
    (group ? info.gid_min : info.uid_min) = number(range.first, 4);
    (group ? info.gid_max : info.uid_max) = number(range.last, 4);
    info.match = group ? XT_OWNER_GID : XT_OWNER_UID;
    if (match.negated) {
      // Without the socket's part, a packet that no socket sent would match the negation.
      info.invert = info.match;
      info.match |= XT_OWNER_SOCKET;
    }
  }

  // Also sockets that are bound to no address, which the extension overlooks by default.
  void write_socket(const Match& match) {
    auto& info = append<xt_socket_mtinfo3>(xt::kSocket);
    info.flags = XT_SOCKET_NOWILDCARD;
    if (operand_interval(match).first.bytes[0] != 0) info.flags |= XT_SOCKET_TRANSPARENT;
  }

  void write_state(const Match& match) {
    auto& info = append<xt_conntrack_mtinfo3>(xt::kConntrack);
    const std::uint32_t states = value_of(match);
    info.match_flags = XT_CONNTRACK_STATE;
    if (match.negated) info.invert_flags = XT_CONNTRACK_STATE;
    info.state_mask = static_cast<std::uint16_t>(states & ~kCtStateUntracked);
    if ((states & kCtStateUntracked) != 0) info.state_mask |= kXtStateUntracked;
  }

  void write_comment() {
    auto& info = append<xt_comment_info>(xt::kComment);
    const std::size_t length = std::min(rule_.comment.size(), kCommentLength);
    std::memcpy(info.comment, rule_.comment.data(), length);
  }

  // libiptc resolves the label; a rule without one passes on to the next.
  void write_label(std::string_view label) {
    xt_standard_target target{};
    target.target.u.user.target_size = XT_ALIGN(sizeof target);
    assert(label.size() < sizeof target.target.u.user.name);
    std::memcpy(target.target.u.user.name, label.data(), label.size());
    const std::size_t at = bytes_.size();
    bytes_.resize(at + XT_ALIGN(sizeof target));
    std::memcpy(bytes_.data() + at, &target, sizeof target);
  }

  static std::string_view label_of(std::string_view chain) {
    return chain.substr(chain.rfind('/') + 1);
  }

  void write_verdict(const Return&) { write_label("RETURN"); }
  void write_verdict(const Accept&) { write_label("ACCEPT"); }
  void write_verdict(const Drop&) { write_label("DROP"); }
  void write_verdict(const Continue&) { write_label(""); }
  void write_verdict(const Jump& jump) { write_label(label_of(jump.chain)); }
  void write_verdict(const Goto& jump) {
    header().flags |= Layout::kGoto;
    write_label(label_of(jump.chain));
  }
  void write_verdict(const Redirect& redirect) {
    const auto wire = htons(redirect.port);
    if constexpr (Layout::kFamily == IpFamily::v4) {
      auto& info = append<nf_nat_ipv4_multi_range_compat>(xt::kRedirectTarget);
      info.rangesize = 1;
      info.range[0].flags = NF_NAT_RANGE_PROTO_SPECIFIED;
      info.range[0].min.all = info.range[0].max.all = wire;
    } else {
      auto& info = append<nf_nat_range>(xt::kRedirectTarget);
      info.flags = NF_NAT_RANGE_PROTO_SPECIFIED;
      info.min_proto.all = info.max_proto.all = wire;
    }
  }
  void write_verdict(const Tproxy& tproxy) {
    auto& info = append<xt_tproxy_target_info_v1>(xt::kTproxyTarget);
    info.mark_value = tproxy.mark;
    info.mark_mask = tproxy.mask;
    info.lport = htons(tproxy.port);
  }
  void write_verdict(const Reject& reject) {
    static_assert(sizeof(ipt_reject_info) == sizeof(ip6t_reject_info));
    append<ip6t_reject_info>(xt::kRejectTarget).with =
        reject.kind == Rejection::tcp_reset ? Layout::kTcpReset : Layout::kPortUnreachable;
  }
  void write_verdict(const SetMark& mark) {
    auto& info = append<xt_mark_tginfo2>(xt::kMarkTarget);
    info.mark = mark.value;
    info.mask = mark.mask;
  }
  void write_verdict(const SetCtMark& mark) {
    auto& info = append<xt_connmark_tginfo2>(xt::kConnmarkTarget);
    info.ctmark = mark.value;
    info.ctmask = mark.mask;
    info.nfmask = 0xffffffff;  // as iptables has it; nothing is copied from the packet's mark
    info.mode = XT_CONNMARK_SET;
  }
  void write_verdict(const SetZone& zone) {
    append<xt_ct_target_info_v1>(xt::kCtTarget).zone = zone.zone;
  }
  template <class Other>
  void write_verdict(const Other&) {
    assert(false);  // not in a lowered rule
    write_label("");
  }

  const Rule& rule_;
  std::vector<std::uint8_t> bytes_;
  std::vector<const Match*> in_place_;  // written by write_transport()
};

}  // namespace

std::vector<std::uint8_t> encode_entry(IpFamily family, const Rule& rule) {
  if (family == IpFamily::v4) return EntryWriter<LayoutV4>(rule).write();
  return EntryWriter<LayoutV6>(rule).write();
}

}  // namespace weir::init
