// SPDX-License-Identifier: Apache-2.0
#include "proxy/upstream/health/outlier_detector.hpp"

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include <fmt/format.h>

namespace weir::upstream {
namespace {

bool is_ejected(const Host& host) { return host.health.has(HealthFlag::failed_outlier_check); }

void forget_streaks(const Host& host) {
  host.outcomes.errors_5xx.end();
  host.outcomes.gateway_failures.end();
  host.outcomes.local_failures.end();
}

}  // namespace

void OutlierDetector::set_hosts(const std::vector<std::shared_ptr<const Host>>& hosts) {
  std::unordered_map<const Host*, Record> known;
  for (Record& record : records_) known.emplace(record.host.get(), std::move(record));
  records_.clear();
  ejected_ = 0;
  for (const auto& host : hosts) {
    const auto kept = known.find(host.get());
    records_.push_back(kept != known.end() ? std::move(kept->second)
                                           : Record{host, {}, {}, {}, {}, 0, {}});
    ejected_ += is_ejected(*host) ? 1 : 0;
  }
  stats_.ejections_active.set(static_cast<std::int64_t>(ejected_));
}

OutlierDetector::Record* OutlierDetector::find(const Host& host) {
  const auto at = std::find_if(records_.begin(), records_.end(),
                               [&](const Record& record) { return record.host.get() == &host; });
  return at == records_.end() ? nullptr : &*at;
}

OutlierDetector::Cause OutlierDetector::cause_of(FailureKind kind) {
  switch (kind) {
    case FailureKind::consecutive_5xx:
      return {fmt::format("{} failures (5xx) in a row", config_.consecutive_5xx),
              stats_.ejections_detected_consecutive_5xx, stats_.ejections_enforced_consecutive_5xx,
              config_.enforcing_consecutive_5xx};
    case FailureKind::consecutive_gateway_failure:
      return {fmt::format("{} gateway failures (502, 503, 504) in a row",
                          config_.consecutive_gateway_failure),
              stats_.ejections_detected_consecutive_gateway_failure,
              stats_.ejections_enforced_consecutive_gateway_failure,
              config_.enforcing_consecutive_gateway_failure};
    case FailureKind::consecutive_local_origin_failure:
      break;
  }
  return {fmt::format("{} failed connects in a row", config_.consecutive_local_origin_failure),
          stats_.ejections_detected_consecutive_local_origin_failure,
          stats_.ejections_enforced_consecutive_local_origin_failure,
          config_.enforcing_consecutive_local_origin_failure};
}

OutlierDetector::Changes OutlierDetector::on_streak(const std::shared_ptr<const Host>& host,
                                                    FailureKind kind, TimePoint now) {
  Changes changes;
  Record* const record = find(*host);
  // News of a host that has left, or of failures that were on their way when it was ejected.
  if (record == nullptr || is_ejected(*host)) return changes;
  eject(*record, cause_of(kind), now, changes);
  return changes;
}

bool OutlierDetector::may_eject_one_more() const {
  if (config_.always_eject_one_host && ejected_ == 0) return true;
  return (ejected_ + 1) * 100 <= records_.size() * std::min(config_.max_ejection_percent, 100u);
}

std::chrono::milliseconds OutlierDetector::ejection_time(const Record& record) const {
  const auto most = std::max(config_.base_ejection_time, config_.max_ejection_time);
  return std::min(config_.base_ejection_time * record.backoff, most);
}

void OutlierDetector::eject(Record& record, const Cause& cause, TimePoint now, Changes& changes) {
  cause.detected.add();
  if (!may_eject_one_more()) {
    stats_.ejections_overflow.add();
    return;
  }
  if (random_.below(100) >= cause.enforcing) return;
  cause.enforced.add();
  stats_.ejections_enforced_total.add();
  stats_.ejections_active.add();
  ++ejected_;
  record.ejected_at = now;
  const auto most = std::max(config_.base_ejection_time, config_.max_ejection_time);
  if (config_.base_ejection_time * record.backoff < most + config_.base_ejection_time)
    ++record.backoff;
  record.host->health.set(HealthFlag::failed_outlier_check);
  changes.push_back(
      {record.host, true,
       fmt::format("ejected for {} ms: {}", ejection_time(record).count(), cause.text)});
}

void OutlierDetector::uneject(Record& record, Changes& changes) {
  stats_.ejections_active.sub();
  --ejected_;
  record.host->health.clear(HealthFlag::failed_outlier_check);
  forget_streaks(*record.host);
  changes.push_back({record.host, false, "back after its ejection"});
}

OutlierDetector::Changes OutlierDetector::on_check_passed(const Host& host) {
  Changes changes;
  if (Record* const record = find(host); record != nullptr && is_ejected(host))
    uneject(*record, changes);
  return changes;
}

OutlierDetector::Changes OutlierDetector::on_interval(TimePoint now) {
  Changes changes;
  for (Record& record : records_) {
    end_ejection_if_over(record, now, changes);
    close_interval(record);
  }
  judge_rates(false, now, changes);
  judge_rates(true, now, changes);
  return changes;
}

void OutlierDetector::end_ejection_if_over(Record& record, TimePoint now, Changes& changes) {
  if (!is_ejected(*record.host)) {
    // An interval without an ejection makes the next one shorter.
    if (record.backoff > 0) --record.backoff;
  } else if (now - record.ejected_at >= ejection_time(record)) {
    uneject(record, changes);
  }
}

void OutlierDetector::close_interval(Record& record) {
  Counted external, local;
  const auto add = [](Counted& to, const stats::Counter& all, const stats::Counter& succeeded) {
    const std::uint64_t total = all.value();
    to.total += total;
    to.succeeded += std::min(succeeded.value(), total);
  };
  for (const OutcomeCounts& worker : record.host->outcomes.counts) {
    add(external, worker.total, worker.succeeded);
    add(local, worker.local_total, worker.local_succeeded);
  }
  const auto since = [](const Counted& now, Counted& before) {
    const Counted difference{now.total - before.total, now.succeeded - before.succeeded};
    before = now;
    return difference;
  };
  record.external = since(external, record.external_before);
  record.local = since(local, record.local_before);
  record.host->outcomes.success_rate = record.host->outcomes.local_success_rate = -1;
}

namespace {

double rate_of(std::uint64_t succeeded, std::uint64_t total) {
  return total == 0 ? 0 : 100.0 * static_cast<double>(succeeded) / static_cast<double>(total);
}

SuccessRates rates_of(const std::vector<double>& rates, double deviations) {
  double sum = 0;
  for (const double rate : rates) sum += rate;
  SuccessRates result;
  result.average = sum / static_cast<double>(rates.size());
  double variance = 0;
  for (const double rate : rates) variance += (rate - result.average) * (rate - result.average);
  variance /= static_cast<double>(rates.size());
  result.threshold = result.average - deviations * std::sqrt(variance);
  return result;
}

}  // namespace

std::vector<OutlierDetector::Record*> OutlierDetector::hosts_with(Counts counts,
                                                                  std::uint32_t volume) {
  std::vector<Record*> found;
  for (Record& record : records_)
    if (!is_ejected(*record.host) && (record.*counts).total > 0 && (record.*counts).total >= volume)
      found.push_back(&record);
  return found;
}

void OutlierDetector::judge_rates(bool local, TimePoint now, Changes& changes) {
  (local ? local_ : external_) = SuccessRates();
  const Counts counts = local ? &Record::local : &Record::external;
  const std::size_t least =
      std::min(config_.success_rate_minimum_hosts, config_.failure_percentage_minimum_hosts);
  if (records_.size() < least) return;
  const std::uint32_t volume =
      std::min(config_.success_rate_request_volume, config_.failure_percentage_request_volume);
  for (Record* record : hosts_with(counts, volume)) {
    const Counted& counted = record->*counts;
    auto& outcomes = record->host->outcomes;
    (local ? outcomes.local_success_rate : outcomes.success_rate) =
        rate_of(counted.succeeded, counted.total);
  }
  judge_success_rate(local, now, changes);
  judge_failure_percentage(local, now, changes);
}

void OutlierDetector::judge_success_rate(bool local, TimePoint now, Changes& changes) {
  const Counts counts = local ? &Record::local : &Record::external;
  const auto hosts = hosts_with(counts, config_.success_rate_request_volume);
  if (hosts.empty() || hosts.size() < config_.success_rate_minimum_hosts) return;
  std::vector<double> rates;
  for (const Record* record : hosts)
    rates.push_back(rate_of((record->*counts).succeeded, (record->*counts).total));
  SuccessRates& judged = local ? local_ : external_;
  judged = rates_of(rates, config_.success_rate_stdev_factor / 1000.0);
  for (std::size_t i = 0; i < hosts.size(); ++i) {
    if (rates[i] >= judged.threshold) continue;
    auto text = fmt::format("success rate {:.1f} % is below {:.1f} %", rates[i], judged.threshold);
    eject(*hosts[i],
          local ? Cause{std::move(text), stats_.ejections_detected_local_origin_success_rate,
                        stats_.ejections_enforced_local_origin_success_rate,
                        config_.enforcing_local_origin_success_rate}
                : Cause{std::move(text), stats_.ejections_detected_success_rate,
                        stats_.ejections_enforced_success_rate, config_.enforcing_success_rate},
          now, changes);
  }
}

void OutlierDetector::judge_failure_percentage(bool local, TimePoint now, Changes& changes) {
  const Counts counts = local ? &Record::local : &Record::external;
  const auto hosts = hosts_with(counts, config_.failure_percentage_request_volume);
  if (hosts.empty() || hosts.size() < config_.failure_percentage_minimum_hosts) return;
  for (Record* record : hosts) {
    const double failed = 100 - rate_of((record->*counts).succeeded, (record->*counts).total);
    if (failed < config_.failure_percentage_threshold) continue;
    auto text = fmt::format("{:.1f} % of its requests failed", failed);
    eject(*record,
          local ? Cause{std::move(text), stats_.ejections_detected_local_origin_failure_percentage,
                        stats_.ejections_enforced_local_origin_failure_percentage,
                        config_.enforcing_local_origin_failure_percentage}
                : Cause{std::move(text), stats_.ejections_detected_failure_percentage,
                        stats_.ejections_enforced_failure_percentage,
                        config_.enforcing_failure_percentage},
          now, changes);
  }
}

}  // namespace weir::upstream
