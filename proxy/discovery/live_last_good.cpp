// SPDX-License-Identifier: Apache-2.0
// The part of LiveConfiguration that goes on with a copy of the last good state where a control
// plane does not answer.
#include <utility>

#include <asio/post.hpp>

#include "common/log.hpp"
#include "proxy/discovery/live_configuration.hpp"

namespace weir::discovery {

void LiveConfiguration::keep_last_good(const std::string& directory) {
  store_.keep_endpoint_messages();
  copy_ = std::make_unique<LastGoodCopy>(server_.io(), store_, directory, [this] {
    return unconfirmed_.empty() && applying_ == nullptr && !found_;
  });
  found_ = copy_->load();
  if (!found_) return;
  patience_.expires_after(kPatience);
  patience_.async_wait([this](const std::error_code& error) {
    if (!error) use_copy("no answer of a control plane within 2 s");
  });
}

/// Only once; what has been answered by then stays as it is.
void LiveConfiguration::use_copy(std::string_view why) {
  patience_.cancel();
  if (!found_) return;
  LastGood good = *std::exchange(found_, std::nullopt);
  const std::string source = "copy '" + copy_->path() + "' of " + describe_age(good.saved);
  for (const ResourceType type : xds::kResourceTypes)
    for (Update& update : good.updates)
      if (update.type == type) take_copied(std::move(update));
  if (copied_.empty()) return;
  log::warning(log::Component::config,
               "{}: the {}, serves until a control plane answers: {} clusters, {} listeners, {} "
               "route tables, endpoints of {} clusters",
               why, source, store_.clusters().size(), store_.listeners().size(),
               store_.route_tables().size(), store_.endpoints().size());
  for (const ResourceType type : copied_)
    store_.note_failure(type, copy_->path(),
                        std::string(why) + ": what is in force is of the " + source);
}

bool LiveConfiguration::misses(ResourceType type, const std::string& name) const {
  if (type == ResourceType::endpoints)
    return eds_clusters_.contains(name) && store_.find_endpoints(name) == nullptr;
  if (type == ResourceType::route)
    return route_users_.contains(name) && store_.find_route_table(name) == nullptr;
  return unanswered_.contains(type);
}

void LiveConfiguration::take_copied(Update update) {
  const bool whole = xds::is_full_state(update.type);
  if (whole && !unanswered_.contains(update.type)) return;
  std::erase_if(update.changed,
                [&](const Resource& resource) { return !misses(update.type, resource.name); });
  if (!whole && update.changed.empty()) return;
  copied_.insert(update.type);
  for (const Rejection& rejection : apply(update).rejections)
    log::error(log::Component::config, "copy '{}': resource '{}' is refused: {}", copy_->path(),
               rejection.name, rejection.text);
  answered(update.type);
}

/// A control plane has just said all that there is of the type.
void LiveConfiguration::replaces_copy(ResourceType type) {
  unconfirmed_.erase(type);
  if (copied_.erase(type) == 0) return;
  store_.note_failure(type, copy_->path(), "");
  log::info(log::Component::config, "the control plane's answer takes the place of the copy's {}",
            xds::short_name(type));
}

void LiveConfiguration::on_stream(const std::string& control_plane, std::string problem) {
  if (problem.empty()) {
    problems_.erase(control_plane);
    return;
  }
  if (found_)
    asio::post(server_.io(),
               [this, why = control_plane + ": " + problem, alive = std::weak_ptr(alive_)] {
                 if (!alive.expired()) use_copy(why);
               });
  problems_[control_plane] = std::move(problem);
}

}  // namespace weir::discovery
