// SPDX-License-Identifier: Apache-2.0
// The webhook as a function: an AdmissionReview of Kubernetes in, its answer out. No I/O.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/result.hpp"
#include "inject/options.hpp"

namespace weir::control {

/// What becomes of a Pod that cannot be injected.
enum class OnRefusal : std::uint8_t { deny, allow_with_warning };

struct AdmissionOptions {
  inject::InjectOptions inject;
  OnRefusal on_refusal = OnRefusal::deny;
};

enum class Decision : std::uint8_t { injected, unchanged, refused };
std::string_view to_string(Decision decision);

struct ReviewAnswer {
  Decision decision = Decision::unchanged;
  std::string subject;  // "Pod shop/web-7d4b9-" (a generateName ends so), as the review names it
  std::string reason;   // why unchanged or refused, "" = injected
  bool dry_run = false;
  std::string body;  // an AdmissionReview, JSON
};

/// Values that a review may hold: more than any Pod has, less than fill the memory.
inline constexpr std::size_t kMostReviewValues = 200'000;

/// Only Pods that are created are injected; everything else is allowed as it is. Error = this is no
/// AdmissionReview of version v1, or its Pod is none: "AdmissionReview: reason".
Result<ReviewAnswer> answer_review(std::string_view body, const AdmissionOptions& options);

}  // namespace weir::control
