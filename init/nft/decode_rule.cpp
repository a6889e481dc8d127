// SPDX-License-Identifier: Apache-2.0
// The expressions of one rule, read from left to right: each function below takes what it knows
// from the front, or nothing.
#include <netinet/in.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nf_tables.h>

#include <libnftnl/udata.h>

#include <initializer_list>
#include <optional>
#include <vector>

#include "init/nft/decode.hpp"
#include "init/nft/expression_view.hpp"
#include "init/nft/wire.hpp"

namespace weir::init {
namespace {

std::vector<ExpressionView> expressions_of(const nftnl_rule* rule) {
  std::vector<ExpressionView> found;
  // libnftnl iterates over non-const rules only; nothing is changed.
  nftnl_expr_iter* iterator = nftnl_expr_iter_create(const_cast<nftnl_rule*>(rule));
  while (const nftnl_expr* expression = nftnl_expr_iter_next(iterator))
    found.emplace_back(expression);
  nftnl_expr_iter_destroy(iterator);
  return found;
}

class RuleReader {
 public:
  explicit RuleReader(std::vector<ExpressionView> expressions) : all_(std::move(expressions)) {}

  Rule read() {
    Rule rule{{}, Continue{}, {}, false};
    bool decided = false;
    while (at_ < all_.size()) {
      // Matches, counter, verdict, in this order and nothing else: what stands elsewhere means
      // something else.
      if (!decided && !rule.counter && all_[at_].is("counter")) {
        rule.counter = true;
        ++at_;
      } else if (auto match = decided || rule.counter ? std::nullopt : take(&RuleReader::match)) {
        rule.matches.push_back(*std::move(match));
      } else if (auto verdict = decided ? std::nullopt : take(&RuleReader::verdict)) {
        rule.verdict = *std::move(verdict);
        decided = true;
      } else {
        rule.matches.push_back(Opaque{all_[at_++].describe()});
      }
    }
    return rule;
  }

 private:
  // What `part` reads, or nothing: then the place is as before.
  template <class Part>
  std::optional<Part> take(std::optional<Part> (RuleReader::*part)()) {
    const std::size_t before = at_;
    auto taken = (this->*part)();
    if (!taken) at_ = before;
    return taken;
  }

  // The next expression when it has this name.
  const ExpressionView* next(std::string_view name) {
    if (at_ == all_.size() || !all_[at_].is(name)) return nullptr;
    return &all_[at_++];
  }

  // A load into a register, with the mask that belongs to the field.
  std::optional<Field> load() {
    if (at_ == all_.size()) return std::nullopt;
    const ExpressionView& e = all_[at_++];
    if (e.is("meta")) return keyed(e, LoadFrom::meta, NFTNL_EXPR_META_KEY, NFTNL_EXPR_META_DREG);
    if (e.is("ct") && !e.has(NFTNL_EXPR_CT_DIR))
      return keyed(e, LoadFrom::ct, NFTNL_EXPR_CT_KEY, NFTNL_EXPR_CT_DREG);
    if (e.is("socket"))
      return keyed(e, LoadFrom::socket, NFTNL_EXPR_SOCKET_KEY, NFTNL_EXPR_SOCKET_DREG);
    if (!e.is("payload") || !e.says(NFTNL_EXPR_PAYLOAD_DREG, NFT_REG_1)) return std::nullopt;
    const auto field =
        field_of_payload(e.number(NFTNL_EXPR_PAYLOAD_BASE), e.number(NFTNL_EXPR_PAYLOAD_OFFSET),
                         e.number(NFTNL_EXPR_PAYLOAD_LEN), matched_);
    if (field && field_load(*field).mask != 0 && mask<std::uint8_t>() != field_load(*field).mask)
      return std::nullopt;
    return field;
  }

  static std::optional<Field> keyed(const ExpressionView& e, LoadFrom from, std::uint16_t key,
                                    std::uint16_t destination) {
    if (!e.says(destination, NFT_REG_1)) return std::nullopt;
    return field_of_key(from, e.number(key));
  }

  // `& mask`; 0 when that is not next.
  template <class Number>
  Number mask() {
    const auto changed = bits<Number>();
    return changed && changed->second == 0 ? changed->first : Number{0};
  }

  // `& first ^ second` on the register.
  template <class Number>
  std::optional<std::pair<Number, Number>> bits() {
    const std::size_t before = at_;
    const ExpressionView* e = next("bitwise");
    if (e != nullptr && e->number(NFTNL_EXPR_BITWISE_OP) == NFT_BITWISE_BOOL &&
        e->says(NFTNL_EXPR_BITWISE_SREG, NFT_REG_1) &&
        e->says(NFTNL_EXPR_BITWISE_DREG, NFT_REG_1)) {
      const auto kept = e->value<Number>(NFTNL_EXPR_BITWISE_MASK);
      const auto changed = e->value<Number>(NFTNL_EXPR_BITWISE_XOR);
      if (kept && changed) return std::pair{*kept, *changed};
    }
    at_ = before;
    return std::nullopt;
  }

  // Users as numbers: a byte order expression stands behind the load.
  Field ordered(Field field) {
    if (field != Field::skuid) return field;
    const std::size_t before = at_;
    const ExpressionView* e = next("byteorder");
    if (e != nullptr && e->says(NFTNL_EXPR_BYTEORDER_OP, NFT_BYTEORDER_HTON) &&
        e->says(NFTNL_EXPR_BYTEORDER_SREG, NFT_REG_1) &&
        e->says(NFTNL_EXPR_BYTEORDER_DREG, NFT_REG_1) && e->says(NFTNL_EXPR_BYTEORDER_LEN, 4) &&
        e->says(NFTNL_EXPR_BYTEORDER_SIZE, 4))
      return Field::skuid_range;
    at_ = before;
    return field;
  }

  std::optional<Match> match() {
    auto field = load();
    if (!field) return std::nullopt;
    field = ordered(*field);
    auto known = set_match(*field);
    if (!known && *field == Field::ct_state) known = state_match();
    if (!known && *field != Field::skuid_range) known = key_match(*field);
    if (known) remember(*known);
    return known;
  }

  std::optional<Match> set_match(Field field) {
    const std::size_t before = at_;
    const ExpressionView* e = next("lookup");
    if (e != nullptr && !e->has(NFTNL_EXPR_LOOKUP_DREG) &&
        e->says(NFTNL_EXPR_LOOKUP_SREG, NFT_REG_1)) {
      const bool negated = (e->number(NFTNL_EXPR_LOOKUP_FLAGS) & NFT_LOOKUP_F_INV) != 0;
      return Match{field, negated, SetName{e->text(NFTNL_EXPR_LOOKUP_SET)}};
    }
    at_ = before;
    return std::nullopt;
  }

  // `& states != 0`: one of them; `== 0`: none.
  std::optional<Match> state_match() {
    const auto states = mask<std::uint32_t>();
    const auto compared = states == 0 ? std::nullopt : comparison(KeyType::ct_state);
    if (!compared || compared->key != Key{}) return std::nullopt;
    const auto* wire = reinterpret_cast<const std::uint8_t*>(&states);
    return Match{Field::ct_state, !compared->negated, key_from_wire(KeyType::ct_state, wire)};
  }

  std::optional<Match> key_match(Field field) {
    if (field == Field::ct_state) return std::nullopt;
    const bool maskable = key_type(field) == KeyType::mark;
    const auto under = maskable ? mask<std::uint32_t>() : 0;
    const auto compared = comparison(key_type(field));
    if (!compared) return std::nullopt;
    return Match{field, compared->negated, compared->key, under == 0 ? 0xffffffff : under};
  }

  struct Comparison {
    bool negated;
    Key key;
  };
  std::optional<Comparison> comparison(KeyType type) {
    const ExpressionView* e = next("cmp");
    if (e == nullptr || !e->says(NFTNL_EXPR_CMP_SREG, NFT_REG_1)) return std::nullopt;
    const std::uint32_t op = e->number(NFTNL_EXPR_CMP_OP);
    const std::uint8_t* data = e->data(NFTNL_EXPR_CMP_DATA, key_size(type));
    if (data == nullptr || (op != NFT_CMP_EQ && op != NFT_CMP_NEQ)) return std::nullopt;
    return Comparison{op == NFT_CMP_NEQ, key_from_wire(type, data)};
  }

  void remember(const Match& known) {
    const auto* key = std::get_if<Key>(&known.operand);
    if (key == nullptr || known.negated) return;
    if (known.field == Field::nfproto) matched_.family = key->bytes[0];
    if (known.field == Field::l4proto) matched_.protocol = key->bytes[0];
  }

  std::optional<Verdict> verdict() {
    for (const auto part :
         {&RuleReader::plain, &RuleReader::redirect, &RuleReader::tproxy, &RuleReader::jump_by_map,
          &RuleReader::reject, &RuleReader::set_mark, &RuleReader::set_ct_mark,
          &RuleReader::set_zone, &RuleReader::set_timeout})
      if (auto known = take(part)) return known;
    return std::nullopt;
  }

  std::optional<Verdict> plain() {
    const ExpressionView* e = next("immediate");
    if (e == nullptr || !e->says(NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT)) return std::nullopt;
    switch (static_cast<int>(e->number(NFTNL_EXPR_IMM_VERDICT))) {
      case NFT_RETURN:
        return Return{};
      case NF_ACCEPT:
        return Accept{};
      case NF_DROP:
        return Drop{};
      case NFT_JUMP:
        return Jump{e->text(NFTNL_EXPR_IMM_CHAIN)};
      case NFT_GOTO:
        return Goto{e->text(NFTNL_EXPR_IMM_CHAIN)};
      default:
        return Opaque{e->describe()};
    }
  }

  template <class Number>
  std::optional<Number> immediate() {
    const ExpressionView* e = next("immediate");
    if (e == nullptr || !e->says(NFTNL_EXPR_IMM_DREG, NFT_REG_1)) return std::nullopt;
    return e->value<Number>(NFTNL_EXPR_IMM_DATA);
  }

  std::optional<Verdict> redirect() {
    const auto port = immediate<std::uint16_t>();
    const ExpressionView* e = port ? next("redir") : nullptr;
    if (e == nullptr || !e->says(NFTNL_EXPR_REDIR_REG_PROTO_MIN, NFT_REG_1)) return std::nullopt;
    const bool one_port = !e->has(NFTNL_EXPR_REDIR_REG_PROTO_MAX) ||
                          e->says(NFTNL_EXPR_REDIR_REG_PROTO_MAX, NFT_REG_1);
    if (!one_port || !e->says(NFTNL_EXPR_REDIR_FLAGS, NF_NAT_RANGE_PROTO_SPECIFIED))
      return std::nullopt;
    return Redirect{ntohs(*port)};
  }

  std::optional<Verdict> tproxy() {
    const auto port = immediate<std::uint16_t>();
    const ExpressionView* e = port ? next("tproxy") : nullptr;
    if (e == nullptr || !e->says(NFTNL_EXPR_TPROXY_REG_PORT, NFT_REG_1) ||
        e->has(NFTNL_EXPR_TPROXY_REG_ADDR))
      return std::nullopt;
    const auto mark = set_mark();
    const auto last = mark ? plain() : std::nullopt;
    if (!last || *last != Verdict{Accept{}}) return std::nullopt;
    const auto& set = std::get<SetMark>(*mark);
    return Tproxy{ntohs(*port), set.value, set.mask};
  }

  std::optional<Verdict> jump_by_map() {
    auto field = load();
    if (!field) return std::nullopt;
    field = ordered(*field);
    const ExpressionView* e = next("lookup");
    if (e == nullptr || !e->says(NFTNL_EXPR_LOOKUP_SREG, NFT_REG_1) ||
        !e->says(NFTNL_EXPR_LOOKUP_DREG, NFT_REG_VERDICT) ||
        e->number(NFTNL_EXPR_LOOKUP_FLAGS) != 0)
      return std::nullopt;
    return JumpByMap{*field, e->text(NFTNL_EXPR_LOOKUP_SET)};
  }

  std::optional<Verdict> reject() {
    const ExpressionView* e = next("reject");
    if (e == nullptr) return std::nullopt;
    const std::uint32_t type = e->number(NFTNL_EXPR_REJECT_TYPE);
    if (type == NFT_REJECT_TCP_RST) return Reject{Rejection::tcp_reset};
    if (type == NFT_REJECT_ICMPX_UNREACH &&
        e->byte(NFTNL_EXPR_REJECT_CODE) == NFT_REJECT_ICMPX_PORT_UNREACH)
      return Reject{Rejection::port_unreachable};
    return std::nullopt;
  }

  // The new value of a mark in the register: all of it, or some bits of the old one changed.
  struct NewMark {
    std::uint32_t value;
    std::uint32_t mask;
  };
  std::optional<NewMark> new_mark(Field field) {
    const std::size_t before = at_;
    if (const auto whole = immediate<std::uint32_t>()) return NewMark{*whole, 0xffffffff};
    at_ = before;
    if (load() != field) return std::nullopt;
    const auto changed = bits<std::uint32_t>();
    if (!changed || (changed->first & changed->second) != 0) return std::nullopt;
    return NewMark{changed->second, ~changed->first};
  }

  std::optional<Verdict> set_mark() {
    const auto mark = new_mark(Field::mark);
    const ExpressionView* e = mark ? next("meta") : nullptr;
    if (e == nullptr || !e->says(NFTNL_EXPR_META_SREG, NFT_REG_1) ||
        !e->says(NFTNL_EXPR_META_KEY, NFT_META_MARK))
      return std::nullopt;
    return SetMark{mark->value, mark->mask};
  }

  bool sets_ct(std::uint32_t key) {
    const ExpressionView* e = next("ct");
    return e != nullptr && e->says(NFTNL_EXPR_CT_SREG, NFT_REG_1) &&
           e->says(NFTNL_EXPR_CT_KEY, key) && !e->has(NFTNL_EXPR_CT_DIR);
  }

  std::optional<Verdict> set_ct_mark() {
    const auto mark = new_mark(Field::ct_mark);
    if (!mark || !sets_ct(NFT_CT_MARK)) return std::nullopt;
    return SetCtMark{mark->value, mark->mask};
  }

  std::optional<Verdict> set_zone() {
    const auto zone = immediate<std::uint16_t>();
    if (!zone || !sets_ct(NFT_CT_ZONE)) return std::nullopt;
    return SetZone{*zone};
  }

  std::optional<Verdict> set_timeout() {
    const ExpressionView* e = next("objref");
    if (e == nullptr || !e->says(NFTNL_EXPR_OBJREF_IMM_TYPE, NFT_OBJECT_CT_TIMEOUT))
      return std::nullopt;
    return SetTimeout{e->text(NFTNL_EXPR_OBJREF_IMM_NAME)};
  }

  std::vector<ExpressionView> all_;
  std::size_t at_ = 0;
  MatchedProtocol matched_;
};

}  // namespace

Rule decode_rule(const nftnl_rule* rule) {
  Rule decoded = RuleReader(expressions_of(rule)).read();
  std::uint32_t length = 0;
  const void* data = nftnl_rule_get_data(rule, NFTNL_RULE_USERDATA, &length);
  if (data != nullptr)
    decoded.comment =
        find_comment({static_cast<const std::uint8_t*>(data), length}, NFTNL_UDATA_RULE_COMMENT);
  return decoded;
}

CounterValues decode_counter(const nftnl_rule* rule) {
  for (const ExpressionView& e : expressions_of(rule))
    if (e.is("counter")) return {e.count(NFTNL_EXPR_CTR_PACKETS), e.count(NFTNL_EXPR_CTR_BYTES)};
  return {};
}

}  // namespace weir::init
