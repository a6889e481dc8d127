// SPDX-License-Identifier: Apache-2.0
// VirtualService: the rules for HTTP.
#include <algorithm>
#include <array>

#include "control/parse_file.hpp"

namespace weir::control {
namespace {

TextMatch read_text_match(ObjectReader& reader) {
  constexpr std::array<std::pair<std::string_view, TextMatch::Kind>, 3> kKinds{
      {{"exact", TextMatch::Kind::exact},
       {"prefix", TextMatch::Kind::prefix},
       {"regex", TextMatch::Kind::regex}}};
  for (const auto& [name, kind] : kKinds)
    if (reader.has(name)) return {kind, reader.text(name)};
  return {TextMatch::Kind::present, ""};
}

std::optional<TextMatch> read_optional_match(ObjectReader& reader, std::string_view name) {
  std::optional<TextMatch> out;
  reader.object(name, [&](ObjectReader& match) {
    out = read_text_match(match);
    if (out->kind == TextMatch::Kind::present)
      match.error("", "expected one of exact, prefix, regex");
  });
  return out;
}

std::vector<std::pair<std::string, TextMatch>> read_matches(ObjectReader& reader,
                                                            std::string_view name) {
  std::vector<std::pair<std::string, TextMatch>> out;
  reader.entries(name, [&](const std::string& key, ObjectReader& match) {
    out.emplace_back(key, read_text_match(match));
  });
  return out;
}

HttpMatch read_match(ObjectReader& reader) {
  HttpMatch match;
  match.uri = read_optional_match(reader, "uri");
  match.ignore_case = reader.boolean("ignoreUriCase");
  match.method = read_optional_match(reader, "method");
  match.authority = read_optional_match(reader, "authority");
  match.headers = read_matches(reader, "headers");
  match.without_headers = read_matches(reader, "withoutHeaders");
  match.query = read_matches(reader, "queryParams");
  match.port = reader.port("port");
  reader.ignore({"name"});
  for (const std::string_view narrower : {"sourceLabels", "sourceNamespace", "gateways", "scheme"})
    if (reader.has(narrower)) {
      reader.error(narrower, "not supported: without it, the match would take more than it should");
      reader.ignore({narrower});
    }
  return match;
}

HeaderChange read_header_change(ObjectReader& headers, std::string_view side) {
  HeaderChange out;
  headers.object(side, [&](ObjectReader& change) {
    out.set = change.text_map("set");
    out.add = change.text_map("add");
    out.remove = change.texts("remove");
  });
  return out;
}

template <class Holder>
void read_headers(ObjectReader& reader, Holder& holder) {
  reader.object("headers", [&](ObjectReader& headers) {
    holder.request_headers = read_header_change(headers, "request");
    holder.response_headers = read_header_change(headers, "response");
  });
}

Destination read_destination(ObjectReader& reader, const std::string& name_space) {
  Destination out;
  reader.object("destination", [&](ObjectReader& destination) {
    out.host = full_host(destination.text("host"), name_space);
    out.subset = destination.text("subset");
    destination.object("port", [&](ObjectReader& port) { out.port = port.port("number"); });
  });
  if (out.host.empty()) reader.error("destination", "has no host");
  out.weight = reader.number("weight", 1000000).value_or(0);
  read_headers(reader, out);
  return out;
}

Fault read_fault(ObjectReader& reader) {
  Fault fault;
  const auto read_percent = [](ObjectReader& part, double& percent) {
    part.object("percentage",
                [&](ObjectReader& value) { percent = value.percent("value").value_or(0); });
  };
  reader.object("delay", [&](ObjectReader& delay) {
    fault.delay = delay.duration("fixedDelay");
    read_percent(delay, fault.delay_percent);
    if (!fault.delay) delay.error("", "expected fixedDelay");
  });
  reader.object("abort", [&](ObjectReader& abort) {
    fault.abort_status = abort.number("httpStatus", 599);
    read_percent(abort, fault.abort_percent);
    if (fault.abort_status.value_or(0) < 200) abort.error("httpStatus", "expected 200 to 599");
  });
  return fault;
}

Retries read_retries(ObjectReader& reader) {
  Retries retries;
  retries.attempts = reader.number("attempts", 1000).value_or(0);
  retries.per_try_timeout = reader.duration("perTryTimeout");
  retries.retry_on = reader.text("retryOn");
  return retries;
}

Redirect read_redirect(ObjectReader& reader) {
  Redirect redirect;
  redirect.uri = reader.text("uri");
  redirect.authority = reader.text("authority");
  redirect.scheme = reader.text("scheme");
  redirect.port = reader.port("port");
  redirect.code = reader.number("redirectCode", 399).value_or(301);
  constexpr std::array kCodes{301u, 302u, 303u, 307u, 308u};
  if (std::find(kCodes.begin(), kCodes.end(), redirect.code) == kCodes.end())
    reader.error("redirectCode", "expected 301, 302, 303, 307 or 308");
  return redirect;
}

DirectResponse read_direct_response(ObjectReader& reader) {
  DirectResponse response;
  response.status = reader.number("status", 599).value_or(0);
  if (response.status < 200) reader.error("status", "expected 200 to 599");
  reader.object("body", [&](ObjectReader& body) { response.body = body.text("string"); });
  return response;
}

void check_route(ObjectReader& reader, const HttpRoute& route) {
  const int actions = int(!route.destinations.empty()) + int(route.redirect.has_value()) +
                      int(route.direct_response.has_value());
  if (actions != 1) reader.error("", "expected one of route, redirect, directResponse");
  std::uint64_t weight = 0;
  for (const Destination& one : route.destinations) weight += one.weight;
  if (route.destinations.size() > 1 && weight == 0)
    reader.error("route", "the weights of several destinations must not all be 0");
  for (const std::string_view unknown : {"mirror", "mirrors", "corsPolicy", "delegate"})
    if (reader.has(unknown)) reader.warning(unknown, "has no effect here: not supported");
  reader.ignore({"mirror", "mirrors", "mirrorPercentage", "corsPolicy", "delegate"});
}

HttpRoute read_route(ObjectReader& reader, const std::string& name_space) {
  HttpRoute route;
  route.name = reader.text("name");
  reader.objects("match", [&](ObjectReader& m) { route.matches.push_back(read_match(m)); });
  reader.objects("route", [&](ObjectReader& destination) {
    route.destinations.push_back(read_destination(destination, name_space));
  });
  reader.object("redirect", [&](ObjectReader& r) { route.redirect = read_redirect(r); });
  reader.object("directResponse",
                [&](ObjectReader& r) { route.direct_response = read_direct_response(r); });
  reader.object("rewrite", [&](ObjectReader& rewrite) {
    route.rewrite_uri = rewrite.text("uri");
    route.rewrite_authority = rewrite.text("authority");
  });
  route.timeout = reader.duration("timeout");
  reader.object("retries", [&](ObjectReader& r) { route.retries = read_retries(r); });
  reader.object("fault", [&](ObjectReader& r) { route.fault = read_fault(r); });
  read_headers(reader, route);
  check_route(reader, route);
  return route;
}

}  // namespace

void parse_virtual_service(ObjectReader& root, std::vector<Object>& out) {
  VirtualService service;
  service.object = read_object_name(root);
  bool for_mesh = true;
  root.object("spec", [&](ObjectReader& spec) {
    for (const std::string& host : spec.texts("hosts"))
      service.hosts.push_back(full_host(host, service.object.name_space));
    const auto gateways = spec.texts("gateways");
    for_mesh =
        gateways.empty() || std::find(gateways.begin(), gateways.end(), "mesh") != gateways.end();
    spec.objects("http", [&](ObjectReader& route) {
      service.http.push_back(read_route(route, service.object.name_space));
    });
    spec.ignore({"exportTo"});
  });
  if (service.hosts.empty()) root.error("spec", "has no hosts");
  // Rules for gateways only are no sidecar's business.
  if (for_mesh) out.emplace_back(std::move(service));
}

}  // namespace weir::control
