// SPDX-License-Identifier: Apache-2.0
#include "proxy/discovery/last_good.hpp"

#include <algorithm>
#include <array>
#include <ctime>
#include <functional>
#include <set>
#include <string_view>
#include <utility>

#include <unistd.h>

#include "common/log.hpp"

namespace weir::discovery {
namespace {

using Names = std::set<std::string, std::less<>>;

template <class Config>
Update all_of(ResourceType type, const ResourceStore& store,
              const ResourceStore::Resources<Config>& stored, const Names* only) {
  Update update;
  update.type = type;
  update.version = store.version(type);
  update.full_state = true;
  for (const auto& [name, resource] : stored) {
    if (resource.origin == nullptr || (only != nullptr && !only->contains(name))) continue;
    Resource copy{name, resource.version, {}, {}};
    copy.body.set_type_url(std::string(type_url(type)));
    copy.body.set_value(resource.origin->message);
    update.changed.push_back(std::move(copy));
  }
  return update;
}

bool is_api(const std::optional<config::ConfigSource>& source) {
  return source && !source->is_file();
}

}  // namespace

LastGood collect_last_good(const ResourceStore& store) {
  const auto& snapshot = *store.snapshot();
  LastGood good{snapshot.node.id, snapshot.node.cluster, std::chrono::system_clock::now(), {}};
  Names endpoints;
  for (const auto& cluster : snapshot.clusters)
    if (is_api(cluster->eds_source)) endpoints.insert(cluster->eds_name());
  Names tables;
  for (const auto& listener : snapshot.listeners)
    config::each_route_table(*listener, [&](const config::RouteTableRef& table) {
      if (!table.source.is_file()) tables.insert(table.name);
      return true;
    });
  const auto add = [&good](Update update) {
    if (!update.changed.empty()) good.updates.push_back(std::move(update));
  };
  // That there are no clusters or listeners is an answer, too.
  if (is_api(snapshot.cds))
    good.updates.push_back(all_of(ResourceType::cluster, store, store.clusters(), nullptr));
  add(all_of(ResourceType::endpoints, store, store.endpoints(), &endpoints));
  if (is_api(snapshot.lds))
    good.updates.push_back(all_of(ResourceType::listener, store, store.listeners(), nullptr));
  add(all_of(ResourceType::route, store, store.route_tables(), &tables));
  return good;
}

std::string describe_age(std::chrono::system_clock::time_point saved) {
  const auto age = std::chrono::system_clock::now() - saved;
  const std::time_t seconds = std::chrono::system_clock::to_time_t(saved);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 32> text{};
  const std::size_t length = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return std::string(text.data(), length) + ", " +
         std::to_string(std::chrono::duration_cast<std::chrono::seconds>(age).count()) + " s old";
}

LastGoodCopy::LastGoodCopy(asio::io_context& io, const ResourceStore& store,
                           const std::string& directory, std::function<bool()> whole)
    : store_(store), file_(directory), whole_(std::move(whole)), timer_(io) {
  if (const auto writable = file_.check_writable(); !writable)
    log::error(log::Component::config,
               "no copy of the last good configuration will be kept: {}; make it a directory that "
               "user {} may write, or leave out --last-good",
               writable.error().message, geteuid());
}

LastGoodCopy::~LastGoodCopy() {
  if (pending_ && whole_()) write();
}

std::optional<LastGood> LastGoodCopy::load() {
  const auto refuse = [this](const std::string& why) {
    log::error(log::Component::config,
               "copy of the last good configuration '{}' is ignored: {}; remove it, or let it be "
               "replaced when the control plane answers",
               path(), why);
    return std::nullopt;
  };
  const auto bytes = file_.read();
  if (!bytes) return refuse(bytes.error().message);
  if (!*bytes) return std::nullopt;
  auto good = read_last_good(**bytes);
  if (!good) return refuse(good.error().message);
  const auto& node = store_.snapshot()->node;
  if (good->node_id != node.id || good->node_cluster != node.cluster)
    return refuse("it is of node '" + good->node_id + "', cluster '" + good->node_cluster +
                  "', and this is node '" + node.id + "', cluster '" + node.cluster + "'");
  return *std::move(good);
}

void LastGoodCopy::changed() {
  if (!std::exchange(pending_, true)) write_later(std::max(kDelay, rest_));
}

void LastGoodCopy::write_later(std::chrono::milliseconds delay) {
  timer_.expires_after(delay);
  timer_.async_wait([this](const std::error_code& error) {
    if (error) return;
    if (!whole_()) return write_later(kDelay);
    write();
  });
}

void LastGoodCopy::write() {
  using std::chrono::steady_clock;
  pending_ = false;
  const auto began = steady_clock::now();
  replace(collect_last_good(store_));
  rest_ = kLeastRest *
          std::chrono::duration_cast<std::chrono::milliseconds>(steady_clock::now() - began);
}

void LastGoodCopy::replace(const LastGood& good) {
  const std::string bytes = write_last_good(good);
  const std::size_t content = std::hash<std::string_view>{}(content_of_last_good(bytes));
  if (on_disk_ == content) return;
  const Result<void> written =
      bytes.size() <= kLargestLastGood
          ? file_.replace(bytes)
          : Error{"'" + path() + "': " + std::to_string(bytes.size()) + " bytes would be too many"};
  if (written) {
    on_disk_ = content;
    failed_ = false;
    log::debug(log::Component::config, "copy of the last good configuration '{}': {} bytes written",
               path(), bytes.size());
  } else if (!std::exchange(failed_, true)) {
    log::error(log::Component::config,
               "the copy of the last good configuration could not be written and stays as it was, "
               "if there is one: {}",
               written.error().message);
  }
  if (!written && !std::exchange(pending_, true)) write_later(kAgain);
}

}  // namespace weir::discovery
