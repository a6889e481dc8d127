// SPDX-License-Identifier: Apache-2.0
#include "proxy/upstream/health/tcp_check.hpp"

namespace weir::upstream {

std::string TcpCheck::begin() {
  unmatched_.clear();
  matched_ = 0;
  return config_.send;
}

std::optional<CheckResult> TcpCheck::feed(std::string_view bytes) {
  unmatched_ += bytes;
  while (matched_ < config_.receive.size()) {
    const std::string& block = config_.receive[matched_];
    const auto at = unmatched_.find(block);
    if (at == std::string::npos) {
      // A host that talks on and on must not fill the memory.
      if (unmatched_.size() >= block.size())
        unmatched_.erase(0, unmatched_.size() - (block.size() - 1));
      return std::nullopt;
    }
    unmatched_.erase(0, at + block.size());
    ++matched_;
  }
  return CheckResult{CheckResult::Kind::passed, {}, false};
}

}  // namespace weir::upstream
