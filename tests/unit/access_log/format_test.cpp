// SPDX-License-Identifier: Apache-2.0
#include "proxy/access_log/format.hpp"

#include <cstdlib>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace weir::access_log {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

Endpoint endpoint(std::string_view text) { return *Endpoint::parse(text); }

/// A proxied connection with every value set.
Record full() {
  Record record;
  record.start = std::chrono::system_clock::time_point(std::chrono::milliseconds(1714979289012));
  record.duration = std::chrono::milliseconds(1500);
  record.connection_id = 77;
  record.bytes_received = 1234;
  record.bytes_sent = 18446744073709551615u;
  record.flags.set(ResponseFlag::upstream_connection_failure);
  record.flags.set(ResponseFlag::upstream_retry_limit_exceeded);
  record.response_code_details = "some details";
  record.connection_termination_details = "the upstream could not be connected";
  record.upstream_transport_failure_reason = "connection refused";
  record.downstream_remote.endpoint = endpoint("203.0.113.9:40000");
  record.downstream_local = OriginalDestination{endpoint("198.51.100.7:80")};
  record.upstream_host = UpstreamAddress{endpoint("[2001:db8::1]:8080")};
  record.upstream_local = endpoint("127.0.0.6:50000");
  record.upstream_cluster = "PassthroughCluster";
  record.requested_server_name = "www.example.com";
  record.route_name = "route";
  record.listener_name = "virtualOutbound";
  record.filter_chain_name = "virtualOutbound-catchall-tcp";
  return record;
}

std::string render(const Format& format, const Record& record) {
  std::string out;
  format.render(record, out);
  return out;
}
std::string text(std::string_view format, const Record& record = full()) {
  const auto compiled = Format::text(format);
  EXPECT_TRUE(compiled) << compiled.error().message;
  return compiled ? render(*compiled, record) : "error";
}

TEST(TextFormat, CopiesLiterals) {
  EXPECT_EQ(text(""), "");
  EXPECT_EQ(text("plain \"text\" \\ \n"), "plain \"text\" \\ \n");
  EXPECT_EQ(text("100%%"), "100%");
  EXPECT_EQ(text("%%DURATION%%"), "%DURATION%");
  EXPECT_EQ(text("%DURATION%%%"), "1500%");
}

TEST(TextFormat, EveryOperatorOfTcp) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"%START_TIME%", "2024-05-06T07:08:09.012Z"},
      {"%START_TIME(%s.%3f)%", "1714979289.012"},
      {"%START_TIME()%", "2024-05-06T07:08:09.012Z"},
      {"%DURATION%", "1500"},
      {"%BYTES_RECEIVED%", "1234"},
      {"%BYTES_SENT%", "18446744073709551615"},
      {"%DOWNSTREAM_WIRE_BYTES_RECEIVED%", "1234"},
      {"%RESPONSE_FLAGS%", "UF,URX"},
      {"%RESPONSE_CODE%", "0"},
      {"%RESPONSE_CODE_DETAILS%", "some_details"},
      {"%CONNECTION_TERMINATION_DETAILS%", "the_upstream_could_not_be_connected"},
      {"%UPSTREAM_TRANSPORT_FAILURE_REASON%", "connection_refused"},
      {"%UPSTREAM_HOST%", "[2001:db8::1]:8080"},
      {"%UPSTREAM_REMOTE_ADDRESS%", "[2001:db8::1]:8080"},
      {"%UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%", "2001:db8::1"},
      {"%UPSTREAM_REMOTE_PORT%", "8080"},
      {"%UPSTREAM_LOCAL_ADDRESS%", "127.0.0.6:50000"},
      {"%UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT%", "127.0.0.6"},
      {"%UPSTREAM_LOCAL_PORT%", "50000"},
      {"%UPSTREAM_CLUSTER%", "PassthroughCluster"},
      {"%UPSTREAM_CLUSTER_RAW%", "PassthroughCluster"},
      {"%DOWNSTREAM_LOCAL_ADDRESS%", "198.51.100.7:80"},
      {"%DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT%", "198.51.100.7"},
      {"%DOWNSTREAM_LOCAL_PORT%", "80"},
      {"%DOWNSTREAM_REMOTE_ADDRESS%", "203.0.113.9:40000"},
      {"%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%", "203.0.113.9"},
      {"%DOWNSTREAM_REMOTE_PORT%", "40000"},
      {"%DOWNSTREAM_DIRECT_REMOTE_ADDRESS%", "203.0.113.9:40000"},
      {"%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%", "203.0.113.9"},
      {"%DOWNSTREAM_DIRECT_REMOTE_PORT%", "40000"},
      {"%REQUESTED_SERVER_NAME%", "www.example.com"},
      {"%ROUTE_NAME%", "route"},
      {"%FILTER_CHAIN_NAME%", "virtualOutbound-catchall-tcp"},
      {"%CONNECTION_ID%", "77"},
      {"%WEIR_LISTENER%", "virtualOutbound"},
      {"%PROTOCOL%", "-"},
  };
  for (const auto& [format, expected] : cases) EXPECT_EQ(text(format), expected) << format;
}

TEST(TextFormat, OperatorsOfRequestsAreUnset) {
  for (const std::string_view format :
       {"%REQ(:METHOD)%", "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%", "%REQ(USER-AGENT):10%", "%RESP(X)%",
        "%TRAILER(X)%", "%GRPC_STATUS%", "%GRPC_STATUS(CAMEL_STRING)%", "%DYNAMIC_METADATA(a:b)%",
        "%FILTER_STATE(x:PLAIN):20%", "%DOWNSTREAM_PEER_URI_SAN%", "%DOWNSTREAM_TLS_VERSION%",
        "%RESPONSE_DURATION%", "%STREAM_ID%"})
    EXPECT_EQ(text(format), "-") << format;
}

TEST(TextFormat, UnsetValuesAreADash) {
  const Record empty;
  for (const std::string_view name :
       {"UPSTREAM_HOST", "UPSTREAM_LOCAL_ADDRESS", "UPSTREAM_REMOTE_PORT",
        "DOWNSTREAM_LOCAL_ADDRESS", "UPSTREAM_CLUSTER", "REQUESTED_SERVER_NAME", "ROUTE_NAME",
        "FILTER_CHAIN_NAME", "WEIR_LISTENER", "RESPONSE_CODE_DETAILS",
        "CONNECTION_TERMINATION_DETAILS", "UPSTREAM_TRANSPORT_FAILURE_REASON", "RESPONSE_FLAGS"})
    EXPECT_EQ(text("%" + std::string(name) + "%", empty), "-") << name;
  EXPECT_EQ(text("%DURATION% %BYTES_SENT% %RESPONSE_CODE%", empty), "0 0 0");
}

TEST(TextFormat, HostNameAndEnvironmentAreReadWhenCompiled) {
  char name[256] = {};
  ASSERT_EQ(gethostname(name, sizeof name - 1), 0);
  EXPECT_EQ(text("%HOSTNAME%"), name);
  setenv("WEIR_TEST_VALUE", "pod-1", 1);
  const auto format = Format::text("%ENVIRONMENT(WEIR_TEST_VALUE)%");
  setenv("WEIR_TEST_VALUE", "pod-2", 1);
  ASSERT_TRUE(format);
  EXPECT_EQ(render(*format, Record{}), "pod-1");
  unsetenv("WEIR_TEST_VALUE");
  EXPECT_EQ(text("%ENVIRONMENT(WEIR_TEST_VALUE)%"), "-");
}

TEST(TextFormat, MaximumLengthCutsTexts) {
  EXPECT_EQ(text("%REQUESTED_SERVER_NAME:3%"), "www");
  EXPECT_EQ(text("%REQUESTED_SERVER_NAME:300%"), "www.example.com");
  EXPECT_EQ(text("%REQUESTED_SERVER_NAME:0%"), "");
  EXPECT_EQ(text("%START_TIME(%Y-%m):4%"), "2024");
  Record record;
  EXPECT_EQ(text("%REQUESTED_SERVER_NAME:3%", record), "-");
  record.requested_server_name = "\n\n\n";
  EXPECT_EQ(text("%REQUESTED_SERVER_NAME:2%", record), "\\x0a\\x0a");
}

TEST(TextFormat, APeerCannotForgeALine) {
  Record record;
  record.requested_server_name = "a\" 200\n[2024] \"GET";
  EXPECT_EQ(text("\"%REQUESTED_SERVER_NAME%\"", record), "\"a\\x22 200\\x0a[2024] \\x22GET\"");
}

TEST(TextFormat, ANegativeDurationIsZero) {
  Record record;
  record.duration = std::chrono::milliseconds(-5);
  EXPECT_EQ(text("%DURATION%", record), "0");
}

TEST(TextFormat, AppendsToTheLine) {
  std::string out = "before ";
  Format::text("%CONNECTION_ID%")->render(full(), out);
  Format::text(" after")->render(full(), out);
  EXPECT_EQ(out, "before 77 after");
}

TEST(TextFormat, TheStandardFormatIsEnvoys) {
  EXPECT_EQ(render(Format::standard(), full()),
            "[2024-05-06T07:08:09.012Z] \"- - -\" 0 UF,URX 1234 18446744073709551615 1500 - \"-\" "
            "\"-\" \"-\" \"-\" "
            "\"[2001:db8::1]:8080\"\n");
}

TEST(TextFormat, TheFormatOfIstioHasOneColumnPerOperator) {
  EXPECT_EQ(
      text("[%START_TIME%] \"%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%\" "
           "%RESPONSE_CODE% "
           "%RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS% "
           "\"%UPSTREAM_TRANSPORT_FAILURE_REASON%\" %BYTES_RECEIVED% %BYTES_SENT% %DURATION% "
           "%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% \"%REQ(X-FORWARDED-FOR)%\" \"%REQ(USER-AGENT)%\" "
           "\"%REQ(X-REQUEST-ID)%\" \"%REQ(:AUTHORITY)%\" \"%UPSTREAM_HOST%\" "
           "%UPSTREAM_CLUSTER_RAW% "
           "%UPSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS% "
           "%REQUESTED_SERVER_NAME% %ROUTE_NAME%\n"),
      "[2024-05-06T07:08:09.012Z] \"- - -\" 0 UF,URX some_details "
      "the_upstream_could_not_be_connected "
      "\"connection_refused\" 1234 18446744073709551615 1500 - \"-\" \"-\" \"-\" \"-\" "
      "\"[2001:db8::1]:8080\" "
      "PassthroughCluster 127.0.0.6:50000 198.51.100.7:80 203.0.113.9:40000 www.example.com "
      "route\n");
}

TEST(TextFormatErrors, NameTheOperatorAndThePosition) {
  const auto error = Format::text("a %DURATION% %NO_SUCH_THING% b");
  ASSERT_FALSE(error);
  EXPECT_EQ(error.error().message,
            "access log format: position 14: operator 'NO_SUCH_THING': not known");
}

TEST(TextFormatErrors, MalformedOperators) {
  for (const std::string_view format :
       {"%", "abc %", "%DURATION", "%DURATION %", "%duration%", "% %", "%()%", "%REQ(X%", "%REQ(X)",
        "%REQ(X):%", "%REQ(X):a%", "%REQ(X):5", "%REQ(X):-1%", "%REQ(X):99999999999999999999999%",
        "%DURATION:%", "50% of"}) {
    const auto error = Format::text(format);
    ASSERT_FALSE(error) << format;
    EXPECT_THAT(error.error().message, StartsWith("access log format: position "));
    EXPECT_THAT(error.error().message, HasSubstr("expected %NAME%"));
  }
}

TEST(TextFormatErrors, Parameters) {
  EXPECT_THAT(Format::text("%REQ%").error().message, HasSubstr("operator 'REQ': needs parameters"));
  EXPECT_THAT(Format::text("%REQ()%").error().message,
              HasSubstr("operator 'REQ': needs parameters"));
  EXPECT_THAT(Format::text("%ENVIRONMENT%").error().message, HasSubstr("needs parameters"));
  EXPECT_THAT(Format::text("%DURATION(x)%").error().message,
              HasSubstr("operator 'DURATION': takes no parameters"));
  EXPECT_THAT(Format::text("%START_TIME(%Q)%").error().message,
              HasSubstr("unknown conversion '%Q'"));
  EXPECT_THAT(Format::text("%START_TIME(%Y\n)%").error().message, HasSubstr("contains a newline"));
}

JsonTemplate json_text(std::string text) { return {JsonTemplate::Kind::text, std::move(text), {}}; }
JsonTemplate json_literal(std::string text) {
  return {JsonTemplate::Kind::literal, std::move(text), {}};
}
JsonTemplate json_object(std::vector<JsonMember> members) {
  return {JsonTemplate::Kind::object, "", std::move(members)};
}
JsonTemplate json_list(std::vector<JsonMember> members) {
  return {JsonTemplate::Kind::list, "", std::move(members)};
}
std::string json(const JsonTemplate& node, JsonValues values, const Record& record = full()) {
  const auto compiled = Format::json(node, values);
  EXPECT_TRUE(compiled) << compiled.error().message;
  return compiled ? render(*compiled, record) : "error";
}

TEST(JsonFormat, KeepsTheOrderAndTheNesting) {
  const auto node = json_object(
      {{"z", json_text("%CONNECTION_ID%")},
       {"a", json_object({{"host", json_text("%UPSTREAM_HOST%")}, {"empty", json_object({})}})},
       {"list", json_list({{"", json_text("%DURATION%")}, {"", json_text("x")}})}});
  EXPECT_EQ(
      json(node, JsonValues::typed),
      "{\"z\":77,\"a\":{\"host\":\"[2001:db8::1]:8080\",\"empty\":{}},\"list\":[1500,\"x\"]}\n");
}

TEST(JsonFormat, AsStringsEverythingIsAString) {
  const auto node = json_object({{"id", json_text("%CONNECTION_ID%")},
                                 {"method", json_text("%REQ(:METHOD)%")},
                                 {"host", json_text("%UPSTREAM_HOST%")},
                                 {"both", json_text("%BYTES_RECEIVED%/%REQ(X)%")}});
  EXPECT_EQ(
      json(node, JsonValues::as_strings),
      "{\"id\":\"77\",\"method\":\"-\",\"host\":\"[2001:db8::1]:8080\",\"both\":\"1234/-\"}\n");
}

TEST(JsonFormat, TypedKeepsNumbersAndNulls) {
  const auto node = json_object({{"id", json_text("%CONNECTION_ID%")},
                                 {"method", json_text("%REQ(:METHOD)%")},
                                 {"flags", json_text("%RESPONSE_FLAGS%")},
                                 {"code", json_text("%RESPONSE_CODE%")},
                                 {"port", json_text("%DOWNSTREAM_LOCAL_PORT%")},
                                 {"two", json_text("%BYTES_RECEIVED%%BYTES_RECEIVED%")},
                                 {"mixed", json_text("id %CONNECTION_ID% of %REQ(X)%")},
                                 {"percent", json_text("%%")},
                                 {"empty", json_text("")},
                                 {"n", json_literal("1.5")},
                                 {"t", json_literal("true")},
                                 {"null", json_literal("null")}});
  EXPECT_EQ(
      json(node, JsonValues::typed),
      "{\"id\":77,\"method\":null,\"flags\":\"UF,URX\",\"code\":0,\"port\":80,\"two\":\"12341234\","
      "\"mixed\":\"id 77 of "
      "-\",\"percent\":\"%\",\"empty\":\"\",\"n\":1.5,\"t\":true,\"null\":null}\n");
  EXPECT_EQ(json(json_object({{"flags", json_text("%RESPONSE_FLAGS%")},
                              {"h", json_text("%UPSTREAM_HOST%")}}),
                 JsonValues::typed, Record{}),
            "{\"flags\":\"-\",\"h\":null}\n");
}

TEST(JsonFormat, ProseKeepsItsBlanks) {
  EXPECT_EQ(json(json_object({{"why", json_text("%CONNECTION_TERMINATION_DETAILS%")}}),
                 JsonValues::typed),
            "{\"why\":\"the upstream could not be connected\"}\n");
}

TEST(JsonFormat, NamesLiteralsAndValuesAreEscaped) {
  Record record;
  record.requested_server_name = "a\"\n\xff\\";
  const auto node = json_object({{"k\"ey\n", json_text("li\"t %REQUESTED_SERVER_NAME%")},
                                 {"lone", json_text("%REQUESTED_SERVER_NAME%")}});
  EXPECT_EQ(json(node, JsonValues::typed, record),
            "{\"k\\\"ey\\u000a\":\"li\\\"t "
            "a\\\"\\u000a\\ufffd\\\\\",\"lone\":\"a\\\"\\u000a\\ufffd\\\\\"}\n");
}

TEST(JsonFormat, ACutCharacterIsReplaced) {
  Record record;
  record.requested_server_name = "\xc3\xa9";
  EXPECT_EQ(
      json(json_object({{"n", json_text("%REQUESTED_SERVER_NAME:1%")}}), JsonValues::typed, record),
      "{\"n\":\"\\ufffd\"}\n");
}

TEST(JsonFormat, ErrorsNameTheMembers) {
  const auto error = Format::json(
      json_object({{"outer", json_object({{"inner", json_text("x%NOPE%")}})}}), JsonValues::typed);
  ASSERT_FALSE(error);
  EXPECT_EQ(error.error().message,
            "json member 'outer': json member 'inner': access log format: position 2: operator "
            "'NOPE': not known");
}

TEST(JsonFormat, AMalformedLoneOperatorIsAnError) {
  EXPECT_FALSE(Format::json(json_object({{"a", json_text("%DURATION")}}), JsonValues::typed));
  EXPECT_FALSE(Format::json(json_object({{"a", json_text("%NOPE%")}}), JsonValues::typed));
}

}  // namespace
}  // namespace weir::access_log
