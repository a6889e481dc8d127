// SPDX-License-Identifier: Apache-2.0
#include "init/nft/decode.hpp"

#include <netinet/in.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nf_tables.h>

#include <libnftnl/udata.h>

#include <cstring>
#include <optional>
#include <string_view>

#include "init/nft/wire.hpp"

namespace weir::init {
namespace {

std::string text_of(const nftnl_expr* expression) {
  char text[256];
  const int length = nftnl_expr_snprintf(text, sizeof text, expression, NFTNL_OUTPUT_DEFAULT, 0);
  std::string name = nftnl_expr_get_str(expression, NFTNL_EXPR_NAME);
  return length > 0 ? name + " " + text : name;
}

bool is_named(const nftnl_expr* expression, std::string_view name) {
  return name == nftnl_expr_get_str(expression, NFTNL_EXPR_NAME);
}

std::optional<Field> loaded_field(const nftnl_expr* e) {
  if (is_named(e, "meta")) {
    if (!nftnl_expr_is_set(e, NFTNL_EXPR_META_DREG)) return std::nullopt;
    return field_of_meta(nftnl_expr_get_u32(e, NFTNL_EXPR_META_KEY));
  }
  if (!is_named(e, "payload") || !nftnl_expr_is_set(e, NFTNL_EXPR_PAYLOAD_DREG))
    return std::nullopt;
  return field_of_payload(nftnl_expr_get_u32(e, NFTNL_EXPR_PAYLOAD_BASE),
                          nftnl_expr_get_u32(e, NFTNL_EXPR_PAYLOAD_OFFSET),
                          nftnl_expr_get_u32(e, NFTNL_EXPR_PAYLOAD_LEN));
}

std::optional<Match> match_of(Field field, const nftnl_expr* e) {
  if (is_named(e, "lookup")) {
    if (nftnl_expr_is_set(e, NFTNL_EXPR_LOOKUP_DREG)) return std::nullopt;  // a map
    const bool negated = (nftnl_expr_get_u32(e, NFTNL_EXPR_LOOKUP_FLAGS) & NFT_LOOKUP_F_INV) != 0;
    return Match{field, negated, SetName{nftnl_expr_get_str(e, NFTNL_EXPR_LOOKUP_SET)}};
  }
  if (!is_named(e, "cmp")) return std::nullopt;
  const std::uint32_t op = nftnl_expr_get_u32(e, NFTNL_EXPR_CMP_OP);
  std::uint32_t length = 0;
  const auto* data =
      static_cast<const std::uint8_t*>(nftnl_expr_get(e, NFTNL_EXPR_CMP_DATA, &length));
  const KeyType type = key_type(field);
  if (data == nullptr || length != key_size(type) || (op != NFT_CMP_EQ && op != NFT_CMP_NEQ))
    return std::nullopt;
  return Match{field, op == NFT_CMP_NEQ, key_from_wire(type, data)};
}

bool is_mask(const nftnl_expr* e, std::uint8_t mask) {
  if (!is_named(e, "bitwise") || nftnl_expr_get_u32(e, NFTNL_EXPR_BITWISE_OP) != NFT_BITWISE_BOOL)
    return false;
  const auto byte = [&](std::uint16_t attribute) -> int {
    std::uint32_t length = 0;
    const auto* data = static_cast<const std::uint8_t*>(nftnl_expr_get(e, attribute, &length));
    return data != nullptr && length == 1 ? *data : -1;
  };
  return byte(NFTNL_EXPR_BITWISE_MASK) == mask && byte(NFTNL_EXPR_BITWISE_XOR) == 0;
}

bool is_verdict_lookup(const nftnl_expr* e) {
  return is_named(e, "lookup") && nftnl_expr_is_set(e, NFTNL_EXPR_LOOKUP_DREG) &&
         nftnl_expr_get_u32(e, NFTNL_EXPR_LOOKUP_DREG) == NFT_REG_VERDICT &&
         nftnl_expr_get_u32(e, NFTNL_EXPR_LOOKUP_FLAGS) == 0;
}

Verdict verdict_of(const nftnl_expr* immediate) {
  const char* name = nftnl_expr_get_str(immediate, NFTNL_EXPR_IMM_CHAIN);
  const std::string chain = name == nullptr ? "" : name;
  switch (static_cast<int>(nftnl_expr_get_u32(immediate, NFTNL_EXPR_IMM_VERDICT))) {
    case NFT_RETURN:
      return Return{};
    case NF_ACCEPT:
      return Accept{};
    case NF_DROP:
      return Drop{};
    case NFT_JUMP:
      return Jump{chain};
    case NFT_GOTO:
      return Goto{chain};
    default:
      return Opaque{text_of(immediate)};
  }
}

// Walks the expressions of one rule: load, then test; counter; then the verdict.
class RuleDecoder {
 public:
  void take(const nftnl_expr* e) {
    if (loaded_) return take_test(e);
    if (is_named(e, "immediate")) return take_immediate(e);
    if (is_named(e, "redir")) return take_redirect(e);
    if (is_named(e, "counter") && !rule_.counter && !has_verdict_) {
      rule_.counter = true;
      return;
    }
    if (!has_verdict_) loaded_ = loaded_field(e);
    if (loaded_)
      load_text_ = text_of(e);
    else
      rule_.matches.push_back(Opaque{text_of(e)});
  }

  Rule finish(std::string comment) {
    if (loaded_) rule_.matches.push_back(Opaque{load_text_});
    if (port_) rule_.matches.push_back(Opaque{"immediate data"});
    if (!has_verdict_) rule_.verdict = Opaque{"no verdict"};
    rule_.comment = std::move(comment);
    return std::move(rule_);
  }

 private:
  void take_test(const nftnl_expr* e) {
    // A masked field is one load and one bitwise expression.
    if (field_load(*loaded_).mask != 0 && !masked_) {
      masked_ = is_mask(e, field_load(*loaded_).mask);
      if (masked_) return;
      rule_.matches.push_back(Opaque{load_text_ + " " + text_of(e)});
      loaded_.reset();
      return;
    }
    masked_ = false;
    if (is_verdict_lookup(e)) {
      rule_.verdict = JumpByMap{*loaded_, nftnl_expr_get_str(e, NFTNL_EXPR_LOOKUP_SET)};
      has_verdict_ = true;
    } else if (auto match = match_of(*loaded_, e); match && !rule_.counter) {
      rule_.matches.push_back(*std::move(match));
    } else {
      rule_.matches.push_back(
          Opaque{load_text_ + " " + text_of(e)});  // also a match behind the counter
    }
    loaded_.reset();
  }

  void take_immediate(const nftnl_expr* e) {
    if (nftnl_expr_get_u32(e, NFTNL_EXPR_IMM_DREG) == NFT_REG_VERDICT) {
      rule_.verdict = verdict_of(e);
      has_verdict_ = true;
      return;
    }
    std::uint32_t length = 0;
    const void* data = nftnl_expr_get(e, NFTNL_EXPR_IMM_DATA, &length);
    std::uint16_t port = 0;
    if (data == nullptr || length != sizeof port) {
      rule_.matches.push_back(Opaque{text_of(e)});
      return;
    }
    std::memcpy(&port, data, sizeof port);
    port_ = ntohs(port);
  }

  void take_redirect(const nftnl_expr* e) {
    const std::uint32_t low = nftnl_expr_get_u32(e, NFTNL_EXPR_REDIR_REG_PROTO_MIN);
    const bool one_port = !nftnl_expr_is_set(e, NFTNL_EXPR_REDIR_REG_PROTO_MAX) ||
                          nftnl_expr_get_u32(e, NFTNL_EXPR_REDIR_REG_PROTO_MAX) == low;
    if (port_ && one_port &&
        nftnl_expr_get_u32(e, NFTNL_EXPR_REDIR_FLAGS) == NF_NAT_RANGE_PROTO_SPECIFIED) {
      rule_.verdict = Redirect{*port_};
      port_.reset();
    } else {
      rule_.verdict = Opaque{text_of(e)};
    }
    has_verdict_ = true;
  }

  Rule rule_{{}, Opaque{}, {}, false};
  std::optional<Field> loaded_;
  bool masked_ = false;
  std::string load_text_;
  std::optional<std::uint16_t> port_;
  bool has_verdict_ = false;
};

std::string comment_of(const void* data, std::uint32_t length, std::uint8_t type) {
  if (data == nullptr) return {};
  return find_comment({static_cast<const std::uint8_t*>(data), length}, type);
}

std::string set_comment(const nftnl_set* set) {
  std::uint32_t length = 0;
  const void* data = nftnl_set_get_data(set, NFTNL_SET_USERDATA, &length);
  return comment_of(data, length, NFTNL_UDATA_SET_COMMENT);
}

// Empty, or why the type of the keys is none of ours.
std::string decode_key_type(const nftnl_set* set, KeyType& type) {
  const auto known = key_type_of_kernel(nftnl_set_get_u32(set, NFTNL_SET_KEY_TYPE));
  if (!known || nftnl_set_get_u32(set, NFTNL_SET_KEY_LEN) != key_size(*known))
    return "another key type";
  type = *known;
  return {};
}

std::string unexpected_flags(const nftnl_set* set, std::uint32_t expected) {
  const std::uint32_t flags = nftnl_set_get_u32(set, NFTNL_SET_FLAGS);
  return flags == expected ? "" : "flags are " + std::to_string(flags);
}

}  // namespace

Rule decode_rule(const nftnl_rule* rule) {
  RuleDecoder decoder;
  // libnftnl iterates over non-const rules only; nothing is changed.
  nftnl_expr_iter* iterator = nftnl_expr_iter_create(const_cast<nftnl_rule*>(rule));
  while (const nftnl_expr* expression = nftnl_expr_iter_next(iterator)) decoder.take(expression);
  nftnl_expr_iter_destroy(iterator);
  std::uint32_t length = 0;
  const void* data = nftnl_rule_get_data(rule, NFTNL_RULE_USERDATA, &length);
  return decoder.finish(comment_of(data, length, NFTNL_UDATA_RULE_COMMENT));
}

Chain decode_chain(const nftnl_chain* chain) {
  Chain decoded;
  decoded.name = nftnl_chain_get_str(chain, NFTNL_CHAIN_NAME);
  if (!nftnl_chain_is_set(chain, NFTNL_CHAIN_HOOKNUM)) return decoded;
  const std::uint32_t hook = nftnl_chain_get_u32(chain, NFTNL_CHAIN_HOOKNUM);
  const char* type = nftnl_chain_get_str(chain, NFTNL_CHAIN_TYPE);
  if (hook != NF_INET_PRE_ROUTING && hook != NF_INET_LOCAL_OUT) decoded.unknown = "another hook";
  if (type == nullptr || std::string_view(type) != "nat") decoded.unknown = "another chain type";
  if (nftnl_chain_get_u32(chain, NFTNL_CHAIN_POLICY) != NF_ACCEPT)
    decoded.unknown = "another policy";
  decoded.base = BaseHook{hook == NF_INET_LOCAL_OUT ? Hook::output : Hook::prerouting,
                          nftnl_chain_get_s32(chain, NFTNL_CHAIN_PRIO)};
  return decoded;
}

SetKind kind_of_set(const nftnl_set* set) {
  const std::uint32_t flags = nftnl_set_get_u32(set, NFTNL_SET_FLAGS);
  if ((flags & NFT_SET_ANONYMOUS) != 0) return SetKind::anonymous;
  return (flags & (NFT_SET_MAP | NFT_SET_OBJECT)) != 0 ? SetKind::map : SetKind::set;
}

Set decode_set(const nftnl_set* set) {
  Set decoded;
  decoded.name = nftnl_set_get_str(set, NFTNL_SET_NAME);
  decoded.comment = set_comment(set);
  decoded.unknown = decode_key_type(set, decoded.type);
  const std::uint32_t expected = has_intervals(decoded.type) ? NFT_SET_INTERVAL : 0;
  if (decoded.unknown.empty()) decoded.unknown = unexpected_flags(set, expected);
  return decoded;
}

VerdictMap decode_map(const nftnl_set* set) {
  VerdictMap decoded;
  decoded.name = nftnl_set_get_str(set, NFTNL_SET_NAME);
  decoded.comment = set_comment(set);
  decoded.unknown = decode_key_type(set, decoded.type);
  if (decoded.unknown.empty())
    decoded.unknown = unexpected_flags(set, NFT_SET_INTERVAL | NFT_SET_MAP);
  if (nftnl_set_get_u32(set, NFTNL_SET_DATA_TYPE) != NFT_DATA_VERDICT)
    decoded.unknown = "not a map to verdicts";
  return decoded;
}

std::string decode_table_comment(const nftnl_table* table) {
  std::uint32_t length = 0;
  const void* data = nftnl_table_get_data(table, NFTNL_TABLE_USERDATA, &length);
  return comment_of(data, length, NFTNL_UDATA_TABLE_COMMENT);
}

}  // namespace weir::init
