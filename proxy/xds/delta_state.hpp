// SPDX-License-Identifier: Apache-2.0
// DeltaState: one type in the incremental protocol: requests and responses say what has changed.
#pragma once

#include <cstddef>
#include <deque>
#include <unordered_map>

#include "proxy/xds/type_state.hpp"

namespace weir::xds {

/// Every response gets an answer of its own. Changes of interest travel in requests without a
/// nonce: a control plane may throw away one whose nonce is no longer the newest.
class DeltaState final : public TypeState {
 public:
  using TypeState::TypeState;

  [[nodiscard]] bool has_request() const override;
  std::string take_request(const envoy::config::core::v3::Node* node) override;
  [[nodiscard]] std::size_t unanswered() const override { return answers_.size(); }

 private:
  struct Answer {
    std::string nonce;
    std::string error;
  };

  void select(Response& response) override { drop_unwanted(response); }
  void settle(std::vector<Applied> added, const std::vector<std::string>& removed) override;
  void answer(std::string nonce, std::string error) override;
  void forget(const std::vector<std::string>& names) override;
  void on_open() override { answers_.clear(); }

  std::deque<Answer> answers_;
  std::unordered_map<std::string, std::string> versions_;  // of what was accepted
};

}  // namespace weir::xds
