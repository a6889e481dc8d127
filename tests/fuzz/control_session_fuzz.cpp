// SPDX-License-Identifier: Apache-2.0
// What clients say to weir-control, sensible and not, while the resources change. Whatever they
// say, a delta client that applies what it gets has what it asked for, and nothing is sent when
// nothing changed.
#include <cstdint>
#include <cstdlib>
#include <map>
#include <set>

#include <fuzzer/FuzzedDataProvider.h>

#include "control/session.hpp"
#include "envoy/config/cluster/v3/cluster.pb.h"
#include "envoy/service/discovery/v3/discovery.pb.h"

namespace weir::control {
namespace {

using envoy::service::discovery::v3::DeltaDiscoveryRequest;
using envoy::service::discovery::v3::DeltaDiscoveryResponse;
using envoy::service::discovery::v3::DiscoveryRequest;
using envoy::service::discovery::v3::DiscoveryResponse;

void check(bool holds) {
  if (!holds) std::abort();
}

constexpr const char* kNames[] = {"a", "b", "c", "*", ""};

ResourceType any_type(FuzzedDataProvider& data) { return data.PickValueInArray(kResourceTypes); }
std::string any_name(FuzzedDataProvider& data) { return data.PickValueInArray(kNames); }

SharedSet any_set(FuzzedDataProvider& data) {
  auto set = std::make_shared<ResourceSet>();
  for (const ResourceType type : kResourceTypes)
    for (const char* name : {"a", "b", "c"}) {
      const int version = data.ConsumeIntegralInRange(0, 3);
      if (version == 0) continue;
      envoy::config::cluster::v3::Cluster cluster;
      cluster.set_name(name + std::to_string(version));
      set->add(type, name, cluster);
    }
  return set;
}

/// What a delta client that applies everything has.
class DeltaClient {
 public:
  void say(FuzzedDataProvider& data, Session& session, const SharedSet& set) {
    DeltaDiscoveryRequest request;
    const ResourceType type = any_type(data);
    Side& side = sides_[type];
    request.set_type_url(std::string(type_url(type)));
    const bool answers = data.ConsumeBool() && !side.nonce.empty();
    if (answers) request.set_response_nonce(data.ConsumeBool() ? side.nonce : "1");
    if (answers && data.ConsumeBool()) request.mutable_error_detail()->set_message("no");
    std::set<std::string> names;
    while (data.ConsumeBool()) names.insert(any_name(data));
    if (data.ConsumeBool()) {
      for (const std::string& name : names) {
        request.add_resource_names_subscribe(name);
        if (name != "*") side.names.insert(name);
      }
    } else {
      for (const std::string& name : names) {
        request.add_resource_names_unsubscribe(name);
        // A client lets go of what it no longer wants.
        side.have.erase(name);
        side.names.erase(name);
      }
    }
    hear(session.on_request(request.SerializeAsString(), set), set);
    check_fresh(*set);
  }

  void change(Session& session, const SharedSet& set) {
    hear(session.on_update(set), set);
    check_fresh(*set);
    check(session.on_update(set).empty());
  }

 private:
  struct Side {
    std::map<std::string, std::string> have;
    std::set<std::string> names;
    std::string nonce;
  };

  void hear(const Result<Messages>& messages, const SharedSet& set) {
    check(bool(messages));
    for (const std::string& message : *messages) {
      DeltaDiscoveryResponse response;
      check(response.ParseFromString(message));
      ResourceType type{};
      check(type_from_url(response.type_url(), type));
      Side& side = sides_[type];
      check(response.nonce() != side.nonce);
      side.nonce = response.nonce();
      for (const auto& name : response.removed_resources()) side.have.erase(name);
      for (const auto& resource : response.resources()) {
        const auto found = set->of(type).find(resource.name());
        check(found != set->of(type).end() && found->second->version == resource.version());
        side.have[resource.name()] = resource.version();
      }
    }
  }

  /// What it asked for by name is as it is, or is not there.
  void check_fresh(const ResourceSet& set) const {
    for (const auto& [type, side] : sides_)
      for (const std::string& name : side.names) {
        const auto now = set.of(type).find(name);
        const auto had = side.have.find(name);
        check((now == set.of(type).end()) == (had == side.have.end()));
        if (had != side.have.end()) check(had->second == now->second->version);
      }
  }

  std::map<ResourceType, Side> sides_;
};

void run_delta(FuzzedDataProvider& data) {
  const auto session = make_delta_session({});
  DeltaClient client;
  SharedSet set = any_set(data);
  while (data.remaining_bytes() > 0) {
    if (data.ConsumeBool()) {
      client.say(data, *session, set);
    } else {
      set = any_set(data);
      client.change(*session, set);
    }
  }
}

void run_sotw(FuzzedDataProvider& data) {
  const auto session = make_sotw_session({});
  std::map<std::string, std::string> nonces;
  SharedSet set = any_set(data);
  const auto hear = [&](const Messages& messages) {
    for (const std::string& message : messages) {
      DiscoveryResponse response;
      check(response.ParseFromString(message));
      check(nonces[response.type_url()] != response.nonce());
      nonces[response.type_url()] = response.nonce();
      for (const auto& resource : response.resources())
        check(resource.type_url() == response.type_url());
    }
  };
  while (data.remaining_bytes() > 0) {
    if (!data.ConsumeBool()) {
      set = any_set(data);
      hear(session->on_update(set));
      check(session->on_update(set).empty());
      continue;
    }
    DiscoveryRequest request;
    request.set_type_url(std::string(type_url(any_type(data))));
    if (data.ConsumeBool()) request.set_response_nonce(nonces[request.type_url()]);
    if (data.ConsumeBool()) request.mutable_error_detail()->set_message("no");
    while (data.ConsumeBool()) request.add_resource_names(any_name(data));
    const auto answer = session->on_request(request.SerializeAsString(), set);
    check(answer && answer->size() <= 1);
    hear(*answer);
  }
}

/// Bytes that need not be a message.
void run_bytes(FuzzedDataProvider& data) {
  const auto session = data.ConsumeBool() ? make_sotw_session({}) : make_delta_session({});
  const SharedSet set = any_set(data);
  while (data.remaining_bytes() > 0) {
    const auto answer = session->on_request(data.ConsumeRandomLengthString(), set);
    if (answer) check(answer->size() <= 1);
    session->on_update(set);
  }
}

}  // namespace
}  // namespace weir::control

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  FuzzedDataProvider data(bytes, size);
  switch (data.ConsumeIntegralInRange(0, 2)) {
    case 0:
      weir::control::run_delta(data);
      break;
    case 1:
      weir::control::run_sotw(data);
      break;
    default:
      weir::control::run_bytes(data);
  }
  return 0;
}
