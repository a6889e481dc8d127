// SPDX-License-Identifier: Apache-2.0
// HttpRequestRecord: a record of a request for tests, with what it borrows.
#pragma once

#include <chrono>

#include "proxy/access_log/record.hpp"
#include "proxy/http/header_map.hpp"
#include "proxy/http/metadata.hpp"

namespace weir::access_log {

/// GET /a?b=c over HTTP/1.1, answered with 200 by an upstream.
struct HttpRequestRecord {
  http::ArenaPool pool;
  http::Arena arena{pool};
  http::HeaderMap request{arena};
  http::HeaderMap response{arena};
  http::HeaderMap trailers{arena};
  http::Metadata metadata;
  HttpRecord http;
  Record record;

  HttpRequestRecord() {
    using std::chrono::milliseconds;
    request.add(":method", "GET");
    request.add(":path", "/a?b=c");
    request.add(":authority", "a.example.com");
    request.add("user-agent", "agent/1");
    request.add("x-request-id", "21f21be3-f2ca-4422-8e0d-095975642e0f");
    request.add("x-dup", "first");
    request.add("x-dup", "second");
    request.add("x-empty", "");
    response.add(":status", "200");
    response.add("x-envoy-upstream-service-time", "11");
    response.add("content-type", "text/plain");
    http.request_headers = &request;
    http.response_headers = &response;
    http.metadata = &metadata;
    http.protocol = "HTTP/1.1";
    http.upstream_protocol = "HTTP/2";
    http.response_code = 200;
    http.attempts = 2;
    http.request_received = milliseconds(3);
    http.request_sent = milliseconds(4);
    http.response_begun = milliseconds(10);
    record.http = &http;
    record.start = std::chrono::system_clock::time_point(milliseconds(1714979289012));
    record.duration = milliseconds(15);
    record.bytes_received = 7;
    record.bytes_sent = 5;
    record.response_code_details = "via_upstream";
    record.downstream_remote.endpoint = *Endpoint::parse("203.0.113.9:0");
    record.upstream_host = UpstreamAddress{*Endpoint::parse("198.51.100.1:8080")};
    record.upstream_cluster = "up";
    record.route_name = "main";
  }
};

}  // namespace weir::access_log
