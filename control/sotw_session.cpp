// SPDX-License-Identifier: Apache-2.0
// State of the world: a response holds everything of its type that the client asked for.
#include <algorithm>
#include <utility>

#include "control/session.hpp"
#include "envoy/service/discovery/v3/discovery.pb.h"

namespace weir::control {
namespace {

using envoy::service::discovery::v3::DiscoveryRequest;
using envoy::service::discovery::v3::DiscoveryResponse;

using Names = std::set<std::string, std::less<>>;

struct Watch {
  bool active = false;
  bool wildcard = false;
  Names names;
  Resources sent;
};

class SotwSession final : public Session {
 public:
  explicit SotwSession(std::optional<ResourceType> only) : Session(only) {}

  Result<Messages> on_request(const std::string& message, const SharedSet& now) override {
    DiscoveryRequest request;
    if (!request.ParseFromString(message)) return Error{"not a DiscoveryRequest"};
    TRY(const std::optional<ResourceType> type, type_of(request.type_url()));
    if (!type) return Messages{};
    return answer(*type, request, *now);
  }

  Messages on_update(const SharedSet& now) override {
    Messages out;
    Resources kept;
    for (const ResourceType type : kResourceTypes) {
      const Watch& watch = watch_of(type);
      if (!watch.active) continue;
      Resources view = view_of(watch, now->of(type));
      // Clusters that are gone stay until nothing names them any more.
      if (type == ResourceType::cluster) {
        kept = view;
        view.insert(watch.sent.begin(), watch.sent.end());
      }
      send_changed(type, std::move(view), out);
    }
    if (watch_of(ResourceType::cluster).active)
      send_changed(ResourceType::cluster, std::move(kept), out);
    return out;
  }

 private:
  Watch& watch_of(ResourceType type) { return watches_[static_cast<std::size_t>(type)]; }

  Messages answer(ResourceType type, const DiscoveryRequest& request, const ResourceSet& now) {
    Messages out;
    Watch& watch = watch_of(type);
    const bool was_synced = status(type).state() == SyncState::synced;
    const std::string& error = request.error_detail().message();
    // A nonce of a stream before this one, or none, says nothing: the client begins.
    const bool is_first = !watch.active || request.response_nonce().empty();
    status_of(type).asked = true;
    if (!is_first &&
        !note_answer(type, request.response_nonce(), request.has_error_detail() ? &error : nullptr))
      return out;
    const Names before = std::exchange(
        watch.names, Names(request.resource_names().begin(), request.resource_names().end()));
    if (is_first) watch.wildcard = has_wildcard(type) && watch.names.empty();
    if (watch.names.erase("*") > 0)
      watch.wildcard = true;
    else if (!watch.names.empty())
      watch.wildcard = false;
    watch.active = watch.wildcard || !watch.names.empty();
    if (!watch.active) {
      watch.sent.clear();
      status_of(type) = {};
      return out;
    }
    const bool asks_more =
        !std::includes(before.begin(), before.end(), watch.names.begin(), watch.names.end());
    // The same request again, with everything acknowledged: a cluster or listener that was changed
    // waits for its endpoints or routes, although these did not.
    const bool asks_again = !is_first && was_synced && !request.has_error_detail() &&
                            !has_wildcard(type) && before == watch.names;
    if (is_first || asks_more || asks_again)
      send(type, view_of(watch, now.of(type)), out);
    else if (before != watch.names)
      watch.sent = view_of(watch, watch.sent);  // what it gave up is nothing to tell about
    return out;
  }

  static Resources view_of(const Watch& watch, const Resources& all) {
    if (watch.wildcard) return all;
    Resources out;
    for (const std::string& name : watch.names)
      if (const auto found = all.find(name); found != all.end()) out.insert(*found);
    return out;
  }

  void send_changed(ResourceType type, Resources view, Messages& out) {
    if (version_of(view) != version_of(watch_of(type).sent)) send(type, std::move(view), out);
  }

  void send(ResourceType type, Resources view, Messages& out) {
    DiscoveryResponse response;
    response.set_version_info(version_of(view));
    response.set_type_url(std::string(type_url(type)));
    response.set_nonce(note_sent(type, response.version_info()));
    for (const auto& [name, resource] : view) {
      auto& any = *response.add_resources();
      any.set_type_url(response.type_url());
      any.set_value(resource->content);
    }
    watch_of(type).sent = std::move(view);
    out.push_back(response.SerializeAsString());
  }

  std::array<Watch, kResourceTypeCount> watches_;
};

}  // namespace

std::unique_ptr<Session> make_sotw_session(std::optional<ResourceType> only) {
  return std::make_unique<SotwSession>(only);
}

}  // namespace weir::control
