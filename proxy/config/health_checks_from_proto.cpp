// SPDX-License-Identifier: Apache-2.0
#include "proxy/config/health_checks_from_proto.hpp"

#include <algorithm>
#include <optional>

#include "envoy/config/cluster/v3/cluster.pb.h"
#include "envoy/config/core/v3/health_check.pb.h"
#include "proxy/config/header_mutations_from_proto.hpp"
#include "proxy/config/proto_values.hpp"

namespace weir::config {
namespace {

using envoy::config::cluster::v3::Cluster;
using envoy::config::cluster::v3::OutlierDetection;
using envoy::config::core::v3::HealthCheck;
using Statuses = std::vector<std::pair<std::uint16_t, std::uint16_t>>;

std::optional<std::string> decode_hex(std::string_view text) {
  const auto digit = [](char c) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    return kDigits.find(c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c);
  };
  std::string out;
  if (text.size() % 2 != 0) return std::nullopt;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const std::size_t high = digit(text[i]);
    const std::size_t low = digit(text[i + 1]);
    if (high > 15 || low > 15) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
  }
  return out;
}

std::string payload_from_proto(const HealthCheck::Payload& proto, const ParseContext& context) {
  if (proto.has_binary()) return proto.binary();
  if (proto.text().empty()) {
    context.error("has no payload: expected text (hexadecimal) or binary");
    return {};
  }
  auto bytes = decode_hex(proto.text());
  if (!bytes) context.field("text").error("invalid hex string '" + proto.text() + "'");
  return bytes.value_or("");
}

void read_tcp(const HealthCheck::TcpHealthCheck& proto, const ParseContext& context,
              HealthCheckConfig& check) {
  check.kind = HealthCheckConfig::Kind::tcp;
  if (proto.has_send()) check.send = payload_from_proto(proto.send(), context.field("send"));
  for (int i = 0; i < proto.receive_size(); ++i) {
    const ParseContext item = context.item("receive", i);
    check.receive.push_back(payload_from_proto(proto.receive(i), item));
  }
}

/// `kind` is a word of Envoy's texts.
template <class Ranges>
Statuses statuses_from_proto(const Ranges& proto, const std::string& kind,
                             const ParseContext& parent, std::string_view field) {
  Statuses out;
  for (int i = 0; i < proto.size(); ++i) {
    const ParseContext item = parent.item(field, i);
    const std::int64_t start = proto[i].start();
    const std::int64_t end = proto[i].end();
    const std::string what = "Invalid http " + kind + " status range: expecting ";
    if (start >= end)
      item.error(what + "start < end, but found start=" + std::to_string(start) +
                 " and end=" + std::to_string(end));
    else if (start < 100)
      item.error(what + "start >= 100, but found start=" + std::to_string(start));
    else if (end > 600)
      item.error(what + "end <= 600, but found end=" + std::to_string(end));
    else
      out.emplace_back(static_cast<std::uint16_t>(start), static_cast<std::uint16_t>(end - 1));
  }
  return out;
}

void read_headers(const HeaderValueOptions& proto, const ParseContext& context,
                  std::string_view field, HealthCheckConfig& check) {
  for (int i = 0; i < proto.size(); ++i) {
    const ParseContext item = context.item(field, i);
    const route::HeaderAddition addition = header_addition_from_proto(proto[i], item);
    if (addition.format) item.error("command operators have no value in a health check");
    check.request_headers.emplace_back(addition.name, addition.literal);
  }
}

std::string method_from_proto(const HealthCheck::HttpHealthCheck& proto,
                              const ParseContext& context) {
  using namespace envoy::config::core::v3;
  if (proto.method() == METHOD_UNSPECIFIED) return "GET";
  if (proto.method() == CONNECT) context.field("method").error("CONNECT cannot check a host");
  return RequestMethod_Name(proto.method());
}

void read_http(const HealthCheck::HttpHealthCheck& proto, const ParseContext& context,
               HealthCheckConfig& check) {
  check.kind = HealthCheckConfig::Kind::http;
  check.host = proto.host();
  check.path = proto.path();
  if (check.path.empty()) context.error("has no path");
  check.method = method_from_proto(proto, context);
  check.expected_statuses =
      statuses_from_proto(proto.expected_statuses(), "expected", context, "expected_statuses");
  if (proto.expected_statuses().empty()) check.expected_statuses.emplace_back(200, 200);
  check.retriable_statuses =
      statuses_from_proto(proto.retriable_statuses(), "retriable", context, "retriable_statuses");
  read_headers(proto.request_headers_to_add(), context, "request_headers_to_add", check);
  check.http2 = proto.codec_client_type() == envoy::type::v3::HTTP2;
}

void read_grpc(const HealthCheck::GrpcHealthCheck& proto, const ParseContext& context,
               HealthCheckConfig& check) {
  check.kind = HealthCheckConfig::Kind::grpc;
  check.grpc_service = proto.service_name();
  check.grpc_authority = proto.authority();
  check.http2 = true;
  read_headers(proto.initial_metadata(), context, "initial_metadata", check);
}

void read_checker(const HealthCheck& proto, const ParseContext& context, HealthCheckConfig& check) {
  switch (proto.health_checker_case()) {
    case HealthCheck::kTcpHealthCheck:
      return read_tcp(proto.tcp_health_check(), context.field("tcp_health_check"), check);
    case HealthCheck::kHttpHealthCheck:
      return read_http(proto.http_health_check(), context.field("http_health_check"), check);
    case HealthCheck::kGrpcHealthCheck:
      return read_grpc(proto.grpc_health_check(), context.field("grpc_health_check"), check);
    case HealthCheck::HEALTH_CHECKER_NOT_SET:
      break;
  }
  context.error(
      "names no check: expected http_health_check, tcp_health_check or grpc_health_check");
}

void read_timing(const HealthCheck& proto, const ParseContext& context, HealthCheckConfig& check) {
  if (!proto.has_timeout()) context.error("has no timeout");
  if (!proto.has_interval()) context.error("has no interval");
  read_period(proto.has_timeout(), proto.timeout(), context.field("timeout"), check.timeout);
  read_period(proto.has_interval(), proto.interval(), context.field("interval"), check.interval);
  check.initial_jitter = duration_or(proto.has_initial_jitter(), proto.initial_jitter(), {},
                                     context.field("initial_jitter"));
  check.interval_jitter = duration_or(proto.has_interval_jitter(), proto.interval_jitter(), {},
                                      context.field("interval_jitter"));
  check.interval_jitter_percent = proto.interval_jitter_percent();
  read_period(proto.has_no_traffic_interval(), proto.no_traffic_interval(),
              context.field("no_traffic_interval"), check.no_traffic_interval);
  read_period(proto.has_unhealthy_interval(), proto.unhealthy_interval(),
              context.field("unhealthy_interval"), check.unhealthy_interval);
  read_period(proto.has_unhealthy_edge_interval(), proto.unhealthy_edge_interval(),
              context.field("unhealthy_edge_interval"), check.unhealthy_edge_interval);
  read_period(proto.has_healthy_edge_interval(), proto.healthy_edge_interval(),
              context.field("healthy_edge_interval"), check.healthy_edge_interval);
}

/// A number of outlier_detection.
struct OutlierNumber {
  bool (OutlierDetection::*has)() const;
  const google::protobuf::UInt32Value& (OutlierDetection::*get)() const;
  std::uint32_t OutlierDetectionConfig::*into;
  std::string_view percent;  // name of a field that is a percentage
};
using Outlier = OutlierDetection;
using Into = OutlierDetectionConfig;
constexpr OutlierNumber kOutlierNumbers[] = {
    {&Outlier::has_consecutive_5xx, &Outlier::consecutive_5xx, &Into::consecutive_5xx, ""},
    {&Outlier::has_consecutive_gateway_failure, &Outlier::consecutive_gateway_failure,
     &Into::consecutive_gateway_failure, ""},
    {&Outlier::has_consecutive_local_origin_failure, &Outlier::consecutive_local_origin_failure,
     &Into::consecutive_local_origin_failure, ""},
    {&Outlier::has_enforcing_consecutive_5xx, &Outlier::enforcing_consecutive_5xx,
     &Into::enforcing_consecutive_5xx, "enforcing_consecutive_5xx"},
    {&Outlier::has_enforcing_consecutive_gateway_failure,
     &Outlier::enforcing_consecutive_gateway_failure, &Into::enforcing_consecutive_gateway_failure,
     "enforcing_consecutive_gateway_failure"},
    {&Outlier::has_enforcing_consecutive_local_origin_failure,
     &Outlier::enforcing_consecutive_local_origin_failure,
     &Into::enforcing_consecutive_local_origin_failure,
     "enforcing_consecutive_local_origin_failure"},
    {&Outlier::has_enforcing_success_rate, &Outlier::enforcing_success_rate,
     &Into::enforcing_success_rate, "enforcing_success_rate"},
    {&Outlier::has_success_rate_minimum_hosts, &Outlier::success_rate_minimum_hosts,
     &Into::success_rate_minimum_hosts, ""},
    {&Outlier::has_success_rate_request_volume, &Outlier::success_rate_request_volume,
     &Into::success_rate_request_volume, ""},
    {&Outlier::has_success_rate_stdev_factor, &Outlier::success_rate_stdev_factor,
     &Into::success_rate_stdev_factor, ""},
    {&Outlier::has_enforcing_failure_percentage, &Outlier::enforcing_failure_percentage,
     &Into::enforcing_failure_percentage, "enforcing_failure_percentage"},
    {&Outlier::has_failure_percentage_threshold, &Outlier::failure_percentage_threshold,
     &Into::failure_percentage_threshold, "failure_percentage_threshold"},
    {&Outlier::has_failure_percentage_minimum_hosts, &Outlier::failure_percentage_minimum_hosts,
     &Into::failure_percentage_minimum_hosts, ""},
    {&Outlier::has_failure_percentage_request_volume, &Outlier::failure_percentage_request_volume,
     &Into::failure_percentage_request_volume, ""},
    {&Outlier::has_max_ejection_percent, &Outlier::max_ejection_percent,
     &Into::max_ejection_percent, "max_ejection_percent"},
};

void check_grpc(const HealthCheckConfig& check, const ClusterConfig& cluster,
                const ParseContext& context) {
  if (check.kind == HealthCheckConfig::Kind::grpc && cluster.protocol != UpstreamProtocol::http2)
    context.error(cluster.name + " cluster must support HTTP/2 for gRPC healthchecking");
}

}  // namespace

HealthCheckConfig health_check_from_proto(const HealthCheck& proto, const ParseContext& context) {
  HealthCheckConfig check;
  read_timing(proto, context, check);
  if (!proto.has_unhealthy_threshold()) context.error("has no unhealthy_threshold");
  if (!proto.has_healthy_threshold()) context.error("has no healthy_threshold");
  check.unhealthy_threshold = proto.unhealthy_threshold().value();
  check.healthy_threshold = proto.healthy_threshold().value();
  check.reuse_connection = !proto.has_reuse_connection() || proto.reuse_connection().value();
  if (proto.has_alt_port())
    check.port = port_from_proto(proto.alt_port().value(), context.field("alt_port"));
  read_checker(proto, context, check);
  return check;
}

OutlierDetectionConfig outlier_detection_from_proto(const OutlierDetection& proto,
                                                    const ParseContext& context) {
  OutlierDetectionConfig out;
  for (const OutlierNumber& number : kOutlierNumbers) {
    if (!(proto.*number.has)()) continue;
    const std::uint32_t value = (proto.*number.get)().value();
    out.*number.into = value;
    if (!number.percent.empty() && value > 100)
      context.field(number.percent)
          .error("'" + std::to_string(value) + "': must be less than or equal to 100");
  }
  out.always_eject_one_host = proto.always_eject_one_host().value();
  out.split_external_local_origin_errors = proto.split_external_local_origin_errors();
  read_period(proto.has_interval(), proto.interval(), context.field("interval"), out.interval);
  read_period(proto.has_base_ejection_time(), proto.base_ejection_time(),
              context.field("base_ejection_time"), out.base_ejection_time);
  out.max_ejection_time = std::max(out.max_ejection_time, out.base_ejection_time);
  read_period(proto.has_max_ejection_time(), proto.max_ejection_time(),
              context.field("max_ejection_time"), out.max_ejection_time);
  if (out.max_ejection_time < out.base_ejection_time)
    context.error("outlier detector's max_ejection_time cannot be smaller than base_ejection_time");
  return out;
}

void read_cluster_health(const Cluster& proto, const ParseContext& context,
                         ClusterConfig& cluster) {
  for (int i = 0; i < proto.health_checks_size(); ++i) {
    const ParseContext item = context.item("health_checks", i);
    cluster.health_checks.push_back(health_check_from_proto(proto.health_checks(i), item));
    check_grpc(cluster.health_checks.back(), cluster, item);
  }
  if (proto.has_outlier_detection())
    cluster.outlier_detection =
        outlier_detection_from_proto(proto.outlier_detection(), context.field("outlier_detection"));
  cluster.close_connections_on_health_failure = proto.close_connections_on_host_health_failure();
  cluster.ignore_health_on_removal = proto.ignore_health_on_host_removal();
  const auto& common = proto.common_lb_config();
  if (!common.has_healthy_panic_threshold()) return;
  cluster.panic_threshold = common.healthy_panic_threshold().value();
  const ParseContext inside = context.field("common_lb_config");
  check_percent(cluster.panic_threshold, inside.field("healthy_panic_threshold"));
}

}  // namespace weir::config
