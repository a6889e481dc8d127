// SPDX-License-Identifier: Apache-2.0
// Hub: the registry, every open stream, and what each is to be sent. No socket; one thread.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/result.hpp"
#include "control/node.hpp"
#include "control/registry.hpp"
#include "control/session.hpp"

namespace weir::control {

enum class Form : std::uint8_t { sotw, delta, fetch };

/// One gRPC method of ours.
struct Method {
  Form form = Form::sotw;
  std::optional<ResourceType> only;  // nullopt = aggregated
};

/// From "/envoy.service.cluster.v3.ClusterDiscoveryService/StreamClusters". nullopt = not ours.
std::optional<Method> method_from_path(std::string_view path);
/// The path of the unary method that fetches a type.
std::string fetch_path(ResourceType type);

struct NodeStatus {
  std::string id;
  std::string peer;  // of one of its streams
  std::array<TypeStatus, kResourceTypeCount> types;
};

/// The table of `weir-control status`: a line for each node, and one for each refusal.
std::string render_status(const std::vector<NodeStatus>& nodes);

using StreamId = std::uint64_t;

class Hub {
 public:
  struct Outgoing {
    StreamId stream;
    Messages messages;
  };

  /// Replaces the registry. Returns what must be sent: nothing when nothing changed.
  std::vector<Outgoing> update(std::shared_ptr<const Registry> registry);

  void open(StreamId stream, const Method& method, std::string peer);
  /// Error = the stream must end with it.
  Result<Messages> receive(StreamId stream, const std::string& message);
  void close(StreamId stream);

  /// A value for each node that is connected, by id.
  [[nodiscard]] std::vector<NodeStatus> nodes() const;
  [[nodiscard]] std::size_t stream_count() const { return streams_.size(); }

 private:
  struct Stream {
    Method method;
    std::string peer;
    std::optional<NodeIdentity> node;  // from the first request on
    std::unique_ptr<Session> session;  // nullptr for a fetch
  };

  /// What the node is served, built when it is first asked for.
  SharedSet set_for(const NodeIdentity& node);
  static void log_refusal(const Stream& stream, const TypeStatus& status, ResourceType type);
  Result<Messages> answer(Stream& stream, const std::string& message);

  std::shared_ptr<const Registry> registry_ = std::make_shared<Registry>();
  std::map<NodeIdentity, SharedSet> sets_;
  std::map<StreamId, Stream> streams_;
};

}  // namespace weir::control
