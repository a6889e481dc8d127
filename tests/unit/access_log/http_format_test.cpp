// SPDX-License-Identifier: Apache-2.0
// Formats of requests: what Envoy 1.40 printed of the same requests.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http_record.hpp"
#include "proxy/access_log/format.hpp"

namespace weir::access_log {
namespace {

using ::testing::HasSubstr;

std::string render(const Format& format, const Record& record) {
  std::string out;
  format.render(record, out);
  return out;
}

class HttpFormat : public testing::Test {
 protected:
  std::string text(std::string_view format) const {
    const auto compiled = Format::text(format);
    EXPECT_TRUE(compiled) << compiled.error().message;
    return compiled ? render(*compiled, of_.record) : "error";
  }
  /// {"v":…}\n without what is around the value.
  std::string json(std::string format, JsonValues values = JsonValues::typed) const {
    JsonTemplate object;
    object.members.push_back({"v", {JsonTemplate::Kind::text, std::move(format), {}}});
    const std::string line = render(*Format::json(object, values), of_.record);
    return line.substr(5, line.size() - 7);
  }
  void grpc(std::string_view status) {
    of_.request.add("content-type", "application/grpc+proto");
    of_.http.response_trailers = &of_.trailers;
    if (!status.empty()) of_.trailers.add("grpc-status", status);
  }

  HttpRequestRecord of_;
};

TEST_F(HttpFormat, TheStandardFormatIsEnvoys) {
  EXPECT_EQ(render(Format::standard(), of_.record),
            "[2024-05-06T07:08:09.012Z] \"GET /a?b=c HTTP/1.1\" 200 - 7 5 15 11 \"-\" \"agent/1\" "
            "\"21f21be3-f2ca-4422-8e0d-095975642e0f\" \"a.example.com\" \"198.51.100.1:8080\"\n");
}

TEST_F(HttpFormat, TheFormatOfIstio) {
  EXPECT_EQ(text("[%START_TIME%] \"%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%\" "
                 "%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% "
                 "%CONNECTION_TERMINATION_DETAILS% \"%UPSTREAM_TRANSPORT_FAILURE_REASON%\" "
                 "%BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "
                 "\"%REQ(X-FORWARDED-FOR)%\" \"%REQ(USER-AGENT)%\" \"%REQ(X-REQUEST-ID)%\" "
                 "\"%REQ(:AUTHORITY)%\" \"%UPSTREAM_HOST%\" %UPSTREAM_CLUSTER_RAW% "
                 "%UPSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS% "
                 "%REQUESTED_SERVER_NAME% %ROUTE_NAME%\n"),
            "[2024-05-06T07:08:09.012Z] \"GET /a?b=c HTTP/1.1\" 200 - via_upstream - \"-\" 7 5 15 "
            "11 \"-\" \"agent/1\" \"21f21be3-f2ca-4422-8e0d-095975642e0f\" \"a.example.com\" "
            "\"198.51.100.1:8080\" up - - 203.0.113.9:0 - main\n");
}

TEST_F(HttpFormat, Operators) {
  of_.http.response_trailers = &of_.trailers;
  of_.trailers.add("x-checksum", "abc");
  of_.record.downstream_direct = DownstreamAddress{*Endpoint::parse("198.51.100.9:4000")};
  const std::pair<std::string_view, std::string> cases[] = {
      {"%PROTOCOL%", "HTTP/1.1"},
      {"%UPSTREAM_PROTOCOL%", "HTTP/2"},
      {"%RESPONSE_CODE%", "200"},
      {"%RESPONSE_CODE_DETAILS%", "via_upstream"},
      {"%REQUEST_DURATION%", "3"},
      {"%REQUEST_TX_DURATION%", "4"},
      {"%RESPONSE_DURATION%", "10"},
      {"%RESPONSE_TX_DURATION%", "5"},
      {"%UPSTREAM_REQUEST_ATTEMPT_COUNT%", "2"},
      {"%STREAM_ID%", "21f21be3-f2ca-4422-8e0d-095975642e0f"},
      {"%RESP(:STATUS)%", "200"},
      {"%RESP(content-type):4%", "text"},
      {"%TRAILER(X-Checksum)%", "abc"},
      {"%REQUEST_HEADERS_BYTES%", std::to_string(of_.request.bytes())},
      {"%RESPONSE_TRAILERS_BYTES%", "13"},
      {"%DOWNSTREAM_REMOTE_ADDRESS%", "203.0.113.9:0"},
      {"%DOWNSTREAM_DIRECT_REMOTE_ADDRESS%", "198.51.100.9:4000"},
      {"%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%", "198.51.100.9"},
      {"%DOWNSTREAM_DIRECT_REMOTE_PORT%", "4000"},
      {"%VIRTUAL_CLUSTER_NAME%", "-"},
      {"%GRPC_STATUS%", "-"},
      {"%LOCAL_REPLY_BODY%", ""},
      {"%DOWNSTREAM_WIRE_BYTES_SENT%", "-"},
      {"%RESPONSE_FLAGS% %RESPONSE_FLAGS_LONG%", "- -"},
  };
  for (const auto& [format, expected] : cases) EXPECT_EQ(text(format), expected) << format;
}

TEST_F(HttpFormat, NamesOfHeadersIgnoreCase) {
  EXPECT_EQ(text("%REQ(User-Agent)% %REQ(:Method)% %REQ(X-DUP)%"), "agent/1 GET first");
  EXPECT_EQ(text("%REQ(Host)%"), "a.example.com");
  EXPECT_EQ(text("%RESP(Host)%"), "-");
}

TEST_F(HttpFormat, AlternativesAndLengths) {
  EXPECT_EQ(text("%REQ(X-NONE?USER-AGENT)%"), "agent/1");
  EXPECT_EQ(text("%REQ(USER-AGENT?:PATH)%"), "agent/1");
  EXPECT_EQ(text("%REQ(X-NONE?X-NEITHER)%"), "-");
  EXPECT_EQ(text("%REQ(X-NONE?USER-AGENT):5%"), "agent");
  EXPECT_EQ(text("%REQ(:PATH):0%"), "");
  EXPECT_EQ(text("%REQ(X-EMPTY)%|%REQ(X-EMPTY?USER-AGENT)%"), "|");
}

TEST_F(HttpFormat, WithoutQuery) {
  EXPECT_EQ(text("%REQ_WITHOUT_QUERY(:PATH)%"), "/a");
  EXPECT_EQ(text("%REQ_WITHOUT_QUERY(X-ENVOY-ORIGINAL-PATH?:PATH):1%"), "/");
  EXPECT_EQ(text("%REQ_WITHOUT_QUERY(X-NONE)%"), "-");
}

TEST_F(HttpFormat, WithoutAnythingOfIt) {
  of_.http = HttpRecord{};
  EXPECT_EQ(
      text("%REQ(:PATH)% %REQ_WITHOUT_QUERY(:PATH)% %RESP(X)% %TRAILER(X)% %PROTOCOL% "
           "%UPSTREAM_PROTOCOL% %REQUEST_DURATION% %RESPONSE_DURATION% %RESPONSE_TX_DURATION% "
           "%REQUEST_TX_DURATION% %STREAM_ID% %DYNAMIC_METADATA(a:b)% %GRPC_STATUS%"),
      "- - - - - - - - - - - - -");
  EXPECT_EQ(text("%RESPONSE_CODE% %UPSTREAM_REQUEST_ATTEMPT_COUNT% %RESPONSE_HEADERS_BYTES%"),
            "0 0 0");
}

TEST_F(HttpFormat, FlagsInTheOrderOfRequests) {
  of_.record.flags.set(ResponseFlag::upstream_connection_failure);
  of_.record.flags.set(ResponseFlag::upstream_retry_limit_exceeded);
  of_.record.flags.set(ResponseFlag::delay_injected);
  EXPECT_EQ(text("%RESPONSE_FLAGS%"), "DI,URX,UF");
  EXPECT_EQ(text("%RESPONSE_FLAGS_LONG%"),
            "DelayInjected,UpstreamRetryLimitExceeded,UpstreamConnectionFailure");
}

TEST_F(HttpFormat, GrpcStatus) {
  grpc("5");
  EXPECT_EQ(text("%GRPC_STATUS% %GRPC_STATUS(CAMEL_STRING)% %GRPC_STATUS(SNAKE_STRING)% "
                 "%GRPC_STATUS(NUMBER)% %GRPC_STATUS_NUMBER%"),
            "NotFound NotFound NOT_FOUND 5 5");
  EXPECT_EQ(json("%GRPC_STATUS_NUMBER%"), "5");
}

TEST_F(HttpFormat, GrpcStatusThatHasNoName) {
  grpc("17");
  EXPECT_EQ(text("%GRPC_STATUS% %GRPC_STATUS(SNAKE_STRING)% %GRPC_STATUS_NUMBER%"), "17 17 17");
  for (const char* broken : {"abc", "-1", "1x", "99999999999"}) {
    of_.trailers.set("grpc-status", broken);
    EXPECT_EQ(text("%GRPC_STATUS% %GRPC_STATUS_NUMBER%"), "-1 -1") << broken;
  }
}

TEST_F(HttpFormat, GrpcStatusOfTheHeadersThenOfHttp) {
  grpc("");
  of_.response.add("grpc-status", "1");
  EXPECT_EQ(text("%GRPC_STATUS% %GRPC_STATUS(SNAKE_STRING)%"), "Canceled CANCELLED");
  of_.response.remove("grpc-status");
  const std::pair<std::uint16_t, std::string_view> statuses[] = {
      {200, "Unknown"},          {400, "Internal"},      {401, "Unauthenticated"},
      {403, "PermissionDenied"}, {404, "Unimplemented"}, {429, "Unavailable"},
      {502, "Unavailable"},      {503, "Unavailable"},   {504, "Unavailable"}};
  for (const auto& [status, name] : statuses) {
    of_.http.response_code = status;
    EXPECT_EQ(text("%GRPC_STATUS%"), name) << status;
  }
}

TEST_F(HttpFormat, OnlyGrpcHasAGrpcStatus) {
  grpc("5");
  for (const char* type : {"application/json", "application/grpc-web", "application/grpcx"}) {
    of_.request.set("content-type", type);
    EXPECT_EQ(text("%GRPC_STATUS% %GRPC_STATUS_NUMBER%"), "- -") << type;
  }
  of_.request.set("content-type", "application/grpc");
  EXPECT_EQ(text("%GRPC_STATUS%"), "NotFound");
}

TEST_F(HttpFormat, DynamicMetadata) {
  of_.metadata.set("com.x", "k", "va \"l");
  of_.metadata.set("com.x", "o", "{\"p\":1}");
  of_.metadata.set("com.y", "k", "other");
  EXPECT_EQ(text("%DYNAMIC_METADATA(com.x:k)%"), "va \\x22l");
  EXPECT_EQ(text("%DYNAMIC_METADATA(com.x:k):2%"), "va");
  EXPECT_EQ(text("%DYNAMIC_METADATA(com.x:none)% %DYNAMIC_METADATA(com.z)% "
                 "%DYNAMIC_METADATA(com.x:o:p)%"),
            "- - -");
  EXPECT_EQ(render(*Format::body("%DYNAMIC_METADATA(com.x)%"), of_.record),
            R"({"k":"va \"l","o":"{\"p\":1}"})");
}

TEST_F(HttpFormat, JsonKeepsTypes) {
  EXPECT_EQ(json("%RESPONSE_CODE%"), "200");
  EXPECT_EQ(json("%RESPONSE_CODE%", JsonValues::as_strings), "\"200\"");
  EXPECT_EQ(json("x%RESPONSE_CODE%y"), "\"x200y\"");
  EXPECT_EQ(json("%REQ(X-NONE)%"), "null");
  EXPECT_EQ(json("%REQ(X-EMPTY)%"), "\"\"");
  EXPECT_EQ(json("%RESP(:STATUS)%"), "\"200\"");
  EXPECT_EQ(json("%LOCAL_REPLY_BODY%"), "\"\"");
  EXPECT_EQ(json("%UPSTREAM_REQUEST_ATTEMPT_COUNT%"), "2");
  EXPECT_EQ(json("%TRAILER(X)%", JsonValues::as_strings), "\"-\"");
}

TEST_F(HttpFormat, AHeaderCannotForgeALine) {
  of_.request.set("user-agent", "a\" 200\n[2024] \"GET\x7f\xff");
  EXPECT_EQ(text("\"%REQ(USER-AGENT)%\""), "\"a\\x22 200\\x0a[2024] \\x22GET\\x7f\\xff\"");
  EXPECT_EQ(json("%REQ(USER-AGENT)%"), "\"a\\\" 200\\u000a[2024] \\\"GET\\u007f\\ufffd\"");
}

TEST_F(HttpFormat, TheBodyOfALocalReply) {
  of_.http.local_reply_body = "a \"b\"\nc";
  EXPECT_EQ(render(*Format::body("<%LOCAL_REPLY_BODY%|%RESPONSE_CODE%>"), of_.record),
            "<a \"b\"\nc|200>");
  EXPECT_EQ(text("%LOCAL_REPLY_BODY%"), "a \\x22b\\x22\\x0ac");
}

TEST_F(HttpFormat, UnknownFormOfGrpcStatus) {
  EXPECT_THAT(Format::text("%GRPC_STATUS(WORDS)%").error().message,
              HasSubstr("operator 'GRPC_STATUS': 'WORDS': expected CAMEL_STRING, SNAKE_STRING or "
                        "NUMBER"));
}

}  // namespace
}  // namespace weir::access_log
