// SPDX-License-Identifier: Apache-2.0
#include "init/legacy/legacy_table.hpp"

// clang-format off
#include <net/if.h>  // before linux/if.h, which libiptc brings
#include <climits>
#include <libiptc/libiptc.h>
extern "C" {  // this one does not say so itself
#include <libiptc/libip6tc.h>
}
// clang-format on

#include <algorithm>
#include <cerrno>
#include <climits>

namespace weir::init {
namespace {

// The two families' functions under one name each.
struct ApiV4 {
  using Entry = ipt_entry;
  static constexpr auto init = iptc_init;
  static constexpr auto free = iptc_free;
  static constexpr auto first_chain = iptc_first_chain;
  static constexpr auto next_chain = iptc_next_chain;
  static constexpr auto built_in = iptc_builtin;
  static constexpr auto first_rule = iptc_first_rule;
  static constexpr auto next_rule = iptc_next_rule;
  static constexpr auto target = iptc_get_target;
  static constexpr auto create = iptc_create_chain;
  static constexpr auto flush = iptc_flush_entries;
  static constexpr auto erase = iptc_delete_chain;
  static constexpr auto append = iptc_append_entry;
  static constexpr auto insert = iptc_insert_entry;
  static constexpr auto remove = iptc_delete_num_entry;
  static constexpr auto read_counter = iptc_read_counter;
  static constexpr auto set_counter = iptc_set_counter;
  static constexpr auto commit = iptc_commit;
  static constexpr auto describe = iptc_strerror;
};
struct ApiV6 {
  using Entry = ip6t_entry;
  static constexpr auto init = ip6tc_init;
  static constexpr auto free = ip6tc_free;
  static constexpr auto first_chain = ip6tc_first_chain;
  static constexpr auto next_chain = ip6tc_next_chain;
  static constexpr auto built_in = ip6tc_builtin;
  static constexpr auto first_rule = ip6tc_first_rule;
  static constexpr auto next_rule = ip6tc_next_rule;
  static constexpr auto target = ip6tc_get_target;
  static constexpr auto create = ip6tc_create_chain;
  static constexpr auto flush = ip6tc_flush_entries;
  static constexpr auto erase = ip6tc_delete_chain;
  static constexpr auto append = ip6tc_append_entry;
  static constexpr auto insert = ip6tc_insert_entry;
  static constexpr auto remove = ip6tc_delete_num_entry;
  static constexpr auto read_counter = ip6tc_read_counter;
  static constexpr auto set_counter = ip6tc_set_counter;
  static constexpr auto commit = ip6tc_commit;
  static constexpr auto describe = ip6tc_strerror;
};

template <class Api>
class Table final : public LegacyTable {
 public:
  explicit Table(xtc_handle* handle) : handle_(handle) {}

  std::vector<std::string> chains() override {
    std::vector<std::string> names;
    for (const char* name = Api::first_chain(get()); name != nullptr; name = Api::next_chain(get()))
      names.emplace_back(name);
    return names;
  }

  bool is_built_in(const std::string& chain) override {
    return Api::built_in(chain.c_str(), get()) != 0;
  }

  void for_each_entry(const std::string& chain,
                      const std::function<void(const EntryView&)>& visit) override {
    for (const auto* entry = Api::first_rule(chain.c_str(), get()); entry != nullptr;
         entry = Api::next_rule(entry, get())) {
      const char* target = Api::target(entry, get());
      visit({{reinterpret_cast<const std::uint8_t*>(entry), entry->next_offset},
             target == nullptr ? "" : target,
             entry->counters.pcnt,
             entry->counters.bcnt});
    }
  }

  Result<void> create_chain(const std::string& chain) override {
    return checked(Api::create(chain.c_str(), get()), "create", chain);
  }
  Result<void> flush_chain(const std::string& chain) override {
    return checked(Api::flush(chain.c_str(), get()), "flush", chain);
  }
  Result<void> delete_chain(const std::string& chain) override {
    return checked(Api::erase(chain.c_str(), get()), "delete", chain);
  }
  Result<void> append(const std::string& chain, std::span<const std::uint8_t> entry) override {
    return checked(Api::append(chain.c_str(), as_entry(entry), get()), "append to", chain);
  }
  Result<void> insert(const std::string& chain, std::span<const std::uint8_t> entry,
                      unsigned index) override {
    return checked(Api::insert(chain.c_str(), as_entry(entry), index, get()), "insert into", chain);
  }
  Result<void> remove_rule(const std::string& chain, unsigned index) override {
    return checked(Api::remove(chain.c_str(), index, get()), "delete from", chain);
  }
  Result<void> raise_counter(const std::string& chain, unsigned index, std::uint64_t packets,
                             std::uint64_t bytes) override {
    const unsigned number = index + 1;  // libiptc counts these from 1
    const xt_counters* now = Api::read_counter(chain.c_str(), number, get());
    if (now != nullptr && now->pcnt >= packets) return {};
    xt_counters counters{packets, bytes};
    return checked(Api::set_counter(chain.c_str(), number, &counters, get()), "count in", chain);
  }
  Result<void> commit() override {
    if (Api::commit(get()) != 0) return {};
    const int code = errno;
    return Error{Api::describe(code), code};
  }

 private:
  struct Free {
    void operator()(xtc_handle* handle) const { Api::free(handle); }
  };
  [[nodiscard]] xtc_handle* get() const { return handle_.get(); }

  static const typename Api::Entry* as_entry(std::span<const std::uint8_t> bytes) {
    return reinterpret_cast<const typename Api::Entry*>(bytes.data());
  }

  static Result<void> checked(int done, std::string_view what, const std::string& chain) {
    if (done != 0) return {};
    const int code = errno;
    return Error{std::string(what) + " chain '" + chain + "': " + Api::describe(code), code};
  }

  std::unique_ptr<xtc_handle, Free> handle_;
};

template <class Api>
Result<std::unique_ptr<LegacyTable>> open_table(const std::string& name) {
  xtc_handle* handle = Api::init(name.c_str());
  if (handle == nullptr) {
    const int code = errno;
    return Error{Api::describe(code), code};
  }
  return std::unique_ptr<LegacyTable>(std::make_unique<Table<Api>>(handle));
}

}  // namespace

Result<std::unique_ptr<LegacyTable>> LegacyTable::open(IpFamily family, const std::string& name) {
  errno = 0;
  return family == IpFamily::v4 ? open_table<ApiV4>(name) : open_table<ApiV6>(name);
}

}  // namespace weir::init
