// SPDX-License-Identifier: Apache-2.0
#include "proxy/filters/listener/original_src.hpp"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "common/socket_options.hpp"
#include "common/unique_fd.hpp"

namespace weir::filters {
namespace {

class Instance final : public ListenerFilterInstance {
 public:
  explicit Instance(const upstream::SourceKeeping& keeping) : keeping_(keeping) {}

  [[nodiscard]] std::size_t max_inspect_bytes() const override { return 0; }

  InspectVerdict inspect(std::span<const std::byte>, bool,
                         tcp::DownstreamConnection& connection) override {
    connection.keep_source = keeping_;
    return {};
  }

 private:
  const upstream::SourceKeeping keeping_;
};

Result<void> try_options(const upstream::SourceKeeping& keeping) {
  const UniqueFd probe(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!probe) return Error{std::string("socket: ") + std::strerror(errno), errno};
  TRY_VOID(set_transparent(probe.get(), IpFamily::v4, true));
  if (keeping.mark != 0) TRY_VOID(set_mark(probe.get(), keeping.mark));
  return {};
}

}  // namespace

std::unique_ptr<ListenerFilterInstance> OriginalSrcFilter::instantiate(InstanceContext&) const {
  return std::make_unique<Instance>(keeping_);
}

Result<void> OriginalSrcFilter::check_privileges() const {
  auto tried = try_options(keeping_);
  if (!tried && tried.error().code == EPERM)
    tried.error().message +=
        "; connections from the client's address need CAP_NET_ADMIN (or CAP_NET_RAW, with a mark "
        "since Linux 5.17): grant it, or leave the filter out";
  return tried;
}

}  // namespace weir::filters
