// SPDX-License-Identifier: Apache-2.0
// Session: what one stream was sent and has acknowledged. Messages in, messages out; no socket.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/result.hpp"
#include "control/resource_set.hpp"

namespace weir::control {

/// As it stands between us and the client for one type.
enum class SyncState : std::uint8_t { unused, not_sent, synced, stale };

/// "-", "NOT SENT", "SYNCED", "STALE".
std::string_view to_string(SyncState state);

struct TypeStatus {
  bool asked = false;
  std::string sent_nonce;
  std::string acked_nonce;
  std::string version;  // that was sent last
  std::string error;    // why the client refused what was sent last

  [[nodiscard]] SyncState state() const;
};

/// Serialized responses, in the order in which they must be sent.
using Messages = std::vector<std::string>;
using SharedSet = std::shared_ptr<const ResourceSet>;

class Session {
 public:
  virtual ~Session() = default;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// Error = the stream must end with it: the message is no request, or is for another type than
  /// the stream's.
  virtual Result<Messages> on_request(const std::string& message, const SharedSet& now) = 0;
  /// Sends what differs from what was sent: clusters, endpoints, listeners, routes, and only then
  /// the removal of clusters, which until then may be in use.
  virtual Messages on_update(const SharedSet& now) = 0;

  [[nodiscard]] const TypeStatus& status(ResourceType type) const {
    return statuses_[static_cast<std::size_t>(type)];
  }

 protected:
  explicit Session(std::optional<ResourceType> only) : only_(only) {}

  /// What the request is about. nullopt = a type that we do not serve, which stays unanswered.
  Result<std::optional<ResourceType>> type_of(const std::string& url) const;
  /// A response was made: returns its nonce.
  std::string note_sent(ResourceType type, const std::string& version);
  /// Reads ACK or NACK. False when the request answers an older response.
  bool note_answer(ResourceType type, const std::string& nonce, const std::string* error);
  TypeStatus& status_of(ResourceType type) { return statuses_[static_cast<std::size_t>(type)]; }

 private:
  const std::optional<ResourceType> only_;
  std::array<TypeStatus, kResourceTypeCount> statuses_;
  std::uint64_t last_nonce_ = 0;
};

/// @param only the type of a stream that serves one; nullopt = aggregated.
std::unique_ptr<Session> make_sotw_session(std::optional<ResourceType> only);
std::unique_ptr<Session> make_delta_session(std::optional<ResourceType> only);

/// The answer to a request that is no stream. Error as above.
Result<std::string> answer_fetch(const std::string& message, std::optional<ResourceType> only,
                                 const ResourceSet& now);

}  // namespace weir::control
