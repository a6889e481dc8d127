// SPDX-License-Identifier: Apache-2.0
// The webhook's answers as values. Over HTTPS: tests/netns/test_control_webhook.py.
#include "control/admission.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/base64.hpp"
#include "inject/json_text.hpp"

namespace weir::control {
namespace {

using inject::Node;
using testing::HasSubstr;
using testing::StartsWith;

std::string review_of(const std::string& request) {
  return R"({"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{)" + request +
         "}}";
}

std::string pod_review(const std::string& pod, const std::string& more = "") {
  return review_of(
      R"("uid":"u1","kind":{"group":"","version":"v1","kind":"Pod"},"operation":"CREATE",)"
      R"("namespace":"shop","object":)" +
      pod + more);
}

constexpr const char* kPod =
    R"({"metadata":{"generateName":"web-"},"spec":{"containers":[{"name":"app","image":"app:1"}]}})";

Node response_of(const ReviewAnswer& answer) {
  auto review = inject::parse_json(answer.body);
  EXPECT_TRUE(review) << answer.body;
  return *review->find("response");
}

TEST(Base64, IsThatOfTheRfc) {
  EXPECT_EQ(base64(""), "");
  EXPECT_EQ(base64("f"), "Zg==");
  EXPECT_EQ(base64("fo"), "Zm8=");
  EXPECT_EQ(base64("foo"), "Zm9v");
  EXPECT_EQ(base64("foobar"), "Zm9vYmFy");
  EXPECT_EQ(base64("\xff\xfe\xfd"), "//79");
}

TEST(AnswerReview, InjectsAPodAndNamesIt) {
  const auto answer = answer_review(pod_review(kPod), {});
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->decision, Decision::injected);
  EXPECT_EQ(answer->subject, "Pod shop/web-");
  EXPECT_FALSE(answer->dry_run);
  const Node response = response_of(*answer);
  EXPECT_EQ(response.find("uid")->text, "u1");
  EXPECT_TRUE(response.find("allowed")->is_true());
  EXPECT_EQ(response.find("patchType")->text, "JSONPatch");
  EXPECT_THAT(response.find("patch")->text, StartsWith(base64("[{\"op\"")));
}

TEST(AnswerReview, TheNameOfTheReviewGoesFirst) {
  const auto answer = answer_review(pod_review(kPod, R"(,"name":"web-1","dryRun":true)"), {});
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->subject, "Pod shop/web-1");
  EXPECT_TRUE(answer->dry_run);
}

TEST(AnswerReview, DeniesOrWarns) {
  const std::string pod =
      R"({"metadata":{"name":"host"},"spec":{"hostNetwork":true,"containers":[{"name":"app"}]}})";
  const auto denied = answer_review(pod_review(pod), {});
  ASSERT_TRUE(denied);
  EXPECT_EQ(denied->decision, Decision::refused);
  EXPECT_TRUE(response_of(*denied).find("allowed")->is_false());
  EXPECT_THAT(response_of(*denied).find("status")->find("message")->text, HasSubstr("hostNetwork"));

  const auto warned = answer_review(pod_review(pod), {.on_refusal = OnRefusal::allow_with_warning});
  ASSERT_TRUE(warned);
  EXPECT_EQ(warned->decision, Decision::refused);
  EXPECT_TRUE(response_of(*warned).find("allowed")->is_true());
  EXPECT_THAT(response_of(*warned).find("warnings")->items.at(0).text, HasSubstr("hostNetwork"));
  EXPECT_EQ(response_of(*warned).find("patch"), nullptr);
}

TEST(AnswerReview, OtherObjectsAreAllowedAsTheyAre) {
  const auto answer = answer_review(
      review_of(
          R"("uid":"u1","kind":{"group":"apps","version":"v1","kind":"Deployment"},"operation":"CREATE")"),
      {});
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->decision, Decision::unchanged);
  EXPECT_EQ(response_of(*answer).entries.size(), 2U);
  EXPECT_TRUE(response_of(*answer).find("allowed")->is_true());
}

TEST(AnswerReview, SaysWhatIsMissing) {
  const auto reason = [](const std::string& body) {
    const auto answer = answer_review(body, {});
    return answer ? "no error" : answer.error().message;
  };
  EXPECT_EQ(reason("[]"), "AdmissionReview: kind: expected AdmissionReview");
  EXPECT_EQ(reason(R"({"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1beta1"})"),
            "AdmissionReview: apiVersion: expected admission.k8s.io/v1");
  EXPECT_EQ(reason(review_of(R"("uid":7)")), "AdmissionReview: request.uid: expected a text");
  EXPECT_EQ(reason(pod_review("null")), "AdmissionReview: request.object: expected a Pod");
  EXPECT_THAT(reason("{"), StartsWith("AdmissionReview: line 1, column 2: "));
}

TEST(AnswerReview, RefusesMoreValuesThanAPodHasBeforeItReadsThem) {
  std::string values = "[0";
  for (std::size_t i = 0; i < kMostReviewValues; ++i) values += ",0";
  const auto answer = answer_review(values + "]", {});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().message, "AdmissionReview: more values than a Pod has");
  // Commas within a text are none.
  const std::string pod = R"({"metadata":{"annotations":{"a":"\")" +
                          std::string(kMostReviewValues + 1, ',') +
                          R"("}},"spec":{"containers":[{"name":"app","image":"app:1"}]}})";
  EXPECT_TRUE(answer_review(pod_review(pod), {}));
}

}  // namespace
}  // namespace weir::control
