// SPDX-License-Identifier: Apache-2.0
// SotwState: one type in state of the world: each request names everything that is wanted, each
// response of clusters or listeners is everything that there is.
#pragma once

#include <cstddef>
#include <set>

#include "proxy/xds/type_state.hpp"

namespace weir::xds {

/// Several responses that could not be answered one by one get one answer, to the last.
class SotwState final : public TypeState {
 public:
  using TypeState::TypeState;

  [[nodiscard]] bool has_request() const override;
  std::string take_request(const envoy::config::core::v3::Node* node) override;
  [[nodiscard]] std::size_t unanswered() const override { return unanswered_; }

 private:
  void select(Response& response) override;
  void settle(std::vector<Applied>, const std::vector<std::string>&) override {}
  void answer(std::string nonce, std::string error) override;
  void forget(const std::vector<std::string>& names) override;
  void on_open() override;

  std::string nonce_;
  std::string error_;  // of the answer that is due
  std::size_t unanswered_ = 0;
  std::set<std::string> present_;  // of a type that is full state: in the last response
};

}  // namespace weir::xds
