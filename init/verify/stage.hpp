// SPDX-License-Identifier: Apache-2.0
// The temporary links that a proof is played on. Nothing that is sent there leaves the namespace.
#pragma once

#include <csignal>
#include <string>
#include <vector>

#include "common/result.hpp"
#include "init/verify/probe.hpp"
#include "init/verify/segment.hpp"

namespace weir::init {

/// Names of the first link's two ends; the others' outer ends are kOuterEnd with a number.
inline constexpr const char* kInnerEnd = "weir-probe";
inline constexpr const char* kOuterEnd = "weir-far";
inline constexpr std::size_t kMostLinks = 7;

/// Pairs of virtual network cards, both ends in this namespace: packets put on the outer end arrive
/// on the inner one as if from outside, and what leaves by the inner one ends at the outer one.
/// Addresses are documentation ranges; routing rules with the links' marks lead to them. All of it
/// goes with the object. Signals that end the process are held back while it lives.
class Stage {
 public:
  /// One link with a name of our own and one for each of `names`. `mask`: bits of the packet mark
  /// that the rules use. What an earlier proof left behind (killed) is removed first.
  static Result<Stage> open(const std::vector<std::string>& names, std::uint32_t mask, bool ipv6);
  Stage(Stage&& other) noexcept;
  Stage& operator=(Stage&&) = delete;
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;
  ~Stage();

  [[nodiscard]] const std::vector<ProbeLink>& links() const { return links_; }
  [[nodiscard]] static std::string outer_name(std::size_t link);
  /// Of the end that packets arrive on.
  [[nodiscard]] static MacAddress inner_mac(std::size_t link);
  /// Of the neighbour that does not exist.
  [[nodiscard]] static MacAddress far_mac(std::size_t link);
  /// Leads answers to `address` to the first link, so that nobody gets them.
  [[nodiscard]] Result<void> claim(const IpAddress& address) const;

 private:
  Stage() = default;
  Result<void> build(std::uint32_t mask, bool ipv6);
  std::vector<ProbeLink> links_;
  sigset_t signals_before_{};
  bool alive_ = false;
};

/// Removes the links and routing rules that a killed proof left behind.
void remove_stage();

/// Every address of this namespace.
Result<std::vector<IpAddress>> local_addresses();
/// The names of its interfaces.
Result<std::vector<std::string>> interfaces();

}  // namespace weir::init
