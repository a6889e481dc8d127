// SPDX-License-Identifier: Apache-2.0
// Ruleset → the bytes of one nf_tables transaction. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "init/nft/handles.hpp"
#include "init/rules/backend.hpp"
#include "init/rules/rule.hpp"

struct nlmsghdr;

namespace weir::init {

/// "set 'outbound_v4'", "rule 3 of chain 'output'".
std::string describe_part(const Refusal& what);

/// Messages between BATCH_BEGIN and BATCH_END: the kernel applies all of them or none.
class Batch {
 public:
  /// `generation` of the rule set that the batch was computed from; 0 = whatever it is.
  explicit Batch(std::uint32_t generation);

  void add_table(const Ruleset& ruleset);
  void delete_table();
  void flush_rules();  // of every chain of the table
  void add_set(const Set& set);
  void add_map(const VerdictMap& map);       // after the chains that it names
  void delete_set(const std::string& name);  // or map
  void add_timeout(const CtTimeout& timeout);
  void delete_timeout(const std::string& name);
  void add_chain(const Chain& chain);
  void delete_chain(const std::string& name);
  void add_rules(const Chain& chain);

  /// Closes the batch. @return the bytes to send, valid as long as the batch.
  std::span<const char> finish();
  /// What the message with this sequence number was about, with `code`.
  [[nodiscard]] Refusal refusal(std::uint32_t sequence, int code) const;

 private:
  nlmsghdr* start(std::uint16_t type, std::uint16_t flags, Refusal what);
  void append(const nlmsghdr* message);
  /// Writes elements with `put(index, out) → end` into as many messages as they need.
  template <class Put>
  void add_elements(const std::string& name, std::uint32_t id, std::size_t count, std::size_t size,
                    const Put& put);

  std::vector<char> bytes_;
  std::vector<char> scratch_;
  std::vector<Refusal> described_;  // by sequence number
  std::size_t last_ = 0;            // offset of the last message
  std::uint32_t sets_ = 0;
};

}  // namespace weir::init
