// SPDX-License-Identifier: Apache-2.0
#include "proxy/admin/endpoints.hpp"

#include <algorithm>
#include <charconv>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "proxy/admin/query.hpp"
#include "proxy/admin/render.hpp"
#include "proxy/stats/render.hpp"
#include "proxy/stats/select.hpp"

namespace weir::admin {
namespace {

using std::chrono::duration_cast;
using std::chrono::seconds;

struct Endpoint {
  std::string_view path;
  std::string_view help;
  bool mutating;
  Answer (*run)(const QueryParams& params, const AdminSource& source);
};
std::span<const Endpoint> all_endpoints();

Answer show(std::string body, std::string_view content_type = kPlainText) {
  return {Response{200, content_type, std::move(body)}, {}};
}
Answer refuse(unsigned status, std::string body) {
  return {Response{status, kPlainText, std::move(body)}, {}};
}
Answer do_it(Effect effect) { return {Response{200, kPlainText, "OK\n"}, std::move(effect)}; }

bool wants_json(const QueryParams& params) { return params.find("format") == "json"; }

std::string render_help() {
  std::string out = "admin commands are:\n";
  for (const Endpoint& endpoint : all_endpoints()) {
    out += "  ";
    out += endpoint.path;
    if (endpoint.mutating) out += " (POST)";
    out += ": ";
    out += endpoint.help;
    out += '\n';
  }
  return out;
}

std::string render_home() {
  std::string rows;
  for (const Endpoint& endpoint : all_endpoints()) {
    const std::string path(endpoint.path);
    const std::string name = endpoint.path == "/" ? path : path.substr(1);
    rows += "<tr><td>";
    rows += endpoint.mutating ? "<form action=\"" + path + "\" method=\"post\"><button>" + name +
                                    "</button></form>"
                              : "<a href=\"" + path + "\">" + name + "</a>";
    rows += "</td><td>" + std::string(endpoint.help) + "</td></tr>\n";
  }
  return "<!DOCTYPE html>\n<html><head><title>Weir admin</title></head><body>\n<h1>Weir</h1>\n"
         "<table>\n" +
         rows + "</table>\n</body></html>\n";
}

/// "1.2.3" → 10203.
std::uint64_t version_number() {
  std::string_view text = WEIR_VERSION;
  std::uint64_t number = 0;
  for (int part = 0; part < 3; ++part) {
    std::uint64_t value = 0;
    const auto end = std::from_chars(text.data(), text.data() + text.size(), value).ptr;
    number = number * 100 + value;
    text.remove_prefix(std::min<std::size_t>(text.size(), end - text.data() + 1));
  }
  return number;
}

stats::ServerValues server_values(const AdminSource& source) {
  const ProcessMemory memory = read_process_memory();
  stats::ServerValues values;
  values.state = static_cast<std::uint64_t>(source.state());
  values.live = source.state() == ServerState::live;
  values.uptime = duration_cast<seconds>(source.uptime());
  values.version = version_number();
  values.concurrency = source.options().concurrency;
  values.initialization_time = source.initialization_time();
  values.memory_allocated = memory.allocated;
  values.memory_heap_size = memory.heap_size;
  values.memory_physical_size = memory.physical;
  return values;
}

Result<std::vector<stats::Metric>> wanted_metrics(const QueryParams& params,
                                                  const AdminSource& source) {
  stats::MetricQuery query;
  query.used_only = params.has("usedonly");
  query.filter = params.find("filter").value_or("");
  if (const auto type = params.find("type")) TRY_VOID(stats::apply_type(*type, query));
  TRY(const auto wanted, stats::MetricSelector::make(std::move(query)));
  return stats::collect_metrics(source.stats(), server_values(source), &wanted);
}

Answer show_stats_as(std::string_view format, const QueryParams& params,
                     const AdminSource& source) {
  const auto metrics = wanted_metrics(params, source);
  if (!metrics) return refuse(400, metrics.error().message + "\n");
  if (format == "text") return show(stats::render_text(*metrics));
  if (format == "json") return show(stats::render_json(*metrics), kJson);
  if (format == "prometheus") return show(stats::render_prometheus(*metrics), kPrometheus);
  return refuse(400, "usage: /stats?format=(json|prometheus|text)\n");
}

Answer show_stats(const QueryParams& params, const AdminSource& source) {
  return show_stats_as(params.find("format").value_or("text"), params, source);
}

Answer show_prometheus(const QueryParams& params, const AdminSource& source) {
  return show_stats_as("prometheus", params, source);
}

Answer show_ready(const QueryParams&, const AdminSource& source) {
  const ServerState state = source.state();
  return {Response{state == ServerState::live ? 200u : 503u, kPlainText,
                   render_ready(state, source.readiness())},
          {}};
}

Answer show_server_info(const QueryParams&, const AdminSource& source) {
  return show(render_server_info({source.state(), duration_cast<seconds>(source.uptime()),
                                  source.snapshot()->node, source.options()}),
              kJson);
}

Answer show_listeners(const QueryParams& params, const AdminSource& source) {
  const auto listeners = source.listeners();
  if (wants_json(params)) return show(render_listeners_json(listeners), kJson);
  return show(render_listeners_text(listeners));
}

Answer show_clusters(const QueryParams& params, const AdminSource& source) {
  const auto clusters = source.clusters();
  if (wants_json(params)) return show(render_clusters_json(clusters), kJson);
  return show(render_clusters_text(clusters));
}

Answer change_logging(const QueryParams& params, const AdminSource&) {
  const auto levels = plan_levels(params, current_levels());
  if (!levels) return refuse(400, levels.error().message + "\n" + render_logging_usage());
  return {Response{200, kPlainText, render_levels(*levels)}, *levels};
}

Answer drain_listeners(const QueryParams& params, const AdminSource&) {
  return do_it(DrainRequest{params.has("graceful"), params.has("inboundonly")});
}

constexpr Endpoint kEndpoints[] = {
    {"/", "admin home page", false,
     [](const QueryParams&, const AdminSource&) { return show(render_home(), kHtml); }},
    {"/clusters", "upstream cluster status (?format=json)", false, show_clusters},
    {"/config_dump",
     "print the configuration in force (?resource=, ?mask=, ?name_regex=, ?include_eds)", false,
     [](const QueryParams& params, const AdminSource& source) {
       return Answer{source.dump_config(params), {}};
     }},
    {"/drain_listeners", "stop accepting connections (?graceful, ?inboundonly)", true,
     drain_listeners},
    {"/healthcheck/fail", "make /ready fail", true,
     [](const QueryParams&, const AdminSource&) { return do_it(SetHealthCheck{true}); }},
    {"/healthcheck/ok", "make /ready pass again", true,
     [](const QueryParams&, const AdminSource&) { return do_it(SetHealthCheck{false}); }},
    {"/help", "print out list of admin commands", false,
     [](const QueryParams&, const AdminSource&) { return show(render_help()); }},
    {"/listeners", "print listener info (?format=json)", false, show_listeners},
    {"/logging", "query or change logging levels (?level=, ?NAME=, ?paths=)", true, change_logging},
    {"/memory", "print current allocation and heap usage", false,
     [](const QueryParams&, const AdminSource&) {
       return show(render_memory(read_process_memory()), kJson);
     }},
    {"/quitquitquit", "exit the server", true,
     [](const QueryParams&, const AdminSource&) { return do_it(Quit{}); }},
    {"/ready",
     "print server state, 200 when LIVE, otherwise 503; then what is awaited or was refused", false,
     show_ready},
    {"/reopen_logs", "open the access logs again", true,
     [](const QueryParams&, const AdminSource&) { return do_it(ReopenLogs{}); }},
    {"/server_info", "print server version and status", false, show_server_info},
    {"/stats", "print server stats (?usedonly, ?filter=, ?type=, ?format=json)", false, show_stats},
    {"/stats/prometheus", "print server stats in prometheus format (?usedonly, ?filter=)", false,
     show_prometheus},
};

std::span<const Endpoint> all_endpoints() { return kEndpoints; }

template <class... Functions>
struct Overloaded : Functions... {
  using Functions::operator()...;
};
template <class... Functions>
Overloaded(Functions...) -> Overloaded<Functions...>;  // clang 14 does not deduce aggregates

}  // namespace

Answer answer_request(const Request& request, const AdminSource& source) {
  const Target target = parse_target(request.target);
  const auto found = std::find_if(std::begin(kEndpoints), std::end(kEndpoints),
                                  [&](const Endpoint& e) { return e.path == target.path; });
  if (found == std::end(kEndpoints)) return refuse(404, "invalid path. " + render_help());
  const bool looks = request.method == "GET" || request.method == "HEAD";
  if (found->mutating && request.method != "POST")
    return refuse(405, "Method " + request.method + " not allowed, POST required.");
  if (!looks && request.method != "POST")
    return refuse(405, "Method " + request.method + " not allowed, GET required.");
  return found->run(target.params, source);
}

void apply_effect(const Effect& effect, AdminSource& source) {
  std::visit(Overloaded{
                 [](std::monostate) {},
                 [&](Quit) { source.quit(); },
                 [&](const DrainRequest& request) { source.drain_listeners(request); },
                 [&](SetHealthCheck check) { source.set_health_check_failed(check.failed); },
                 [&](ReopenLogs) { source.reopen_logs(); },
                 [](const LogLevels& levels) { apply_levels(levels); },
             },
             effect);
}

}  // namespace weir::admin
