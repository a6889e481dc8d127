// SPDX-License-Identifier: Apache-2.0
// TypeState: what we and the control plane know of each other about one type, on one stream after
// another.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/xds/consumer.hpp"
#include "proxy/xds/interest.hpp"
#include "proxy/xds/response.hpp"

namespace envoy::config::core::v3 {
class Node;
}

namespace weir::xds {

/// For statistics.
struct TypeCounts {
  std::uint64_t attempts = 0;    // responses, and streams that ended
  std::uint64_t successes = 0;   // responses that were accepted as a whole
  std::uint64_t rejections = 0;  // responses that were not
  std::uint64_t failures = 0;    // streams that ended
  std::uint64_t fetch_timeouts = 0;
};

/// A state machine without I/O: changes of interest and responses go in, requests come out.
class TypeState {
 public:
  TypeState(ResourceType type, std::chrono::milliseconds fetch_timeout)
      : type_(type), interest_(fetch_timeout) {}
  TypeState(const TypeState&) = delete;
  TypeState& operator=(const TypeState&) = delete;
  virtual ~TypeState() = default;

  [[nodiscard]] ResourceType type() const noexcept { return type_; }
  [[nodiscard]] const Interest& interest() const noexcept { return interest_; }
  [[nodiscard]] const TypeCounts& counts() const noexcept { return counts_; }
  /// Of the last response that was accepted as a whole.
  [[nodiscard]] const std::string& version() const noexcept { return version_; }

  void subscribe(const std::vector<std::string>& names, TimePoint now) {
    interest_.want(names, now);
  }
  void unsubscribe(const std::vector<std::string>& names);

  /// A new stream: nonces are forgotten, what was accepted is not.
  void open();
  /// It has ended.
  void close();
  /// Something was asked for on this stream.
  [[nodiscard]] bool asked() const noexcept { return open_ && !first_; }
  [[nodiscard]] virtual bool has_request() const = 0;
  /// Serialised, with `node` unless that is null. has_request() is true.
  virtual std::string take_request(const envoy::config::core::v3::Node* node) = 0;
  /// Responses that were not answered yet.
  [[nodiscard]] virtual std::size_t unanswered() const = 0;

  /// Applies what is good of it and prepares the answer. asked() is true.
  /// @return what the answer complains about; "": accepted.
  std::string receive(Response response, Consumer& consumer);

  Interest::Expired expire(TimePoint now);

 protected:
  /// What of a response is wanted, and what is gone.
  virtual void select(Response& response) = 0;
  struct Applied {
    std::string name;
    std::string version;
  };
  /// `added` without what was refused.
  virtual void settle(std::vector<Applied> added, const std::vector<std::string>& removed) = 0;
  virtual void answer(std::string nonce, std::string error) = 0;
  virtual void forget(const std::vector<std::string>& names) = 0;
  virtual void on_open() = 0;

  void drop_unwanted(Response& response) const;

  const ResourceType type_;
  Interest interest_;
  std::string version_;
  bool open_ = false;
  bool first_ = true;  // no request has been made on this stream

 private:
  std::vector<ResourceError> apply(Response& response, Consumer& consumer);
  TypeCounts counts_;
};

}  // namespace weir::xds
