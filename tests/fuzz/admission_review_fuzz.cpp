// SPDX-License-Identifier: Apache-2.0
// Any bytes as the body of a review: they are answered with an AdmissionReview, or refused with a
// reason.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "control/admission.hpp"
#include "inject/json_text.hpp"

namespace {

using namespace weir;
using namespace weir::control;

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

void check(std::string_view body, const AdmissionOptions& options) {
  const auto answer = answer_review(body, options);
  if (!answer) {
    require(answer.error().message.starts_with("AdmissionReview: "), "an error says of what");
    return;
  }
  const auto review = inject::parse_json(answer->body);
  require(review.has_value(), "the answer is JSON");
  const inject::Node* response = review->find("response");
  require(response != nullptr && response->find("uid") != nullptr, "the answer names its review");
  const bool allowed = response->find("allowed")->is_true();
  const bool is_denied =
      answer->decision == Decision::refused && options.on_refusal == OnRefusal::deny;
  require(allowed != is_denied, "only what is refused is not allowed");
  require((response->find("patch") != nullptr) == (answer->decision == Decision::injected),
          "what is injected, and nothing else, has a patch");
  require((answer->decision == Decision::injected) == answer->reason.empty(),
          "what is not injected has a reason");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  AdmissionOptions options;
  check(body, options);
  options.on_refusal = OnRefusal::allow_with_warning;
  options.inject.native_sidecar = false;
  check(body, options);
  return 0;
}
