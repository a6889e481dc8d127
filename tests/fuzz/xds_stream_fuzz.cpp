// SPDX-License-Identifier: Apache-2.0
// What a control plane says, in both protocols: any messages in any order, with connections that
// end and interest that changes between them. Every request that comes out is well formed, and what
// the consumer is given keeps to its contract.
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "envoy/service/discovery/v3/discovery.pb.h"
#include "proxy/xds/discovery_stream.hpp"

namespace {

using namespace weir::xds;
namespace discovery = envoy::service::discovery::v3;

constexpr std::size_t kLongestComplaint = 4096;

void check(bool holds) {
  if (!holds) std::abort();
}

/// Refuses every resource whose version says so, and subscribes to what it is told of.
class Notes final : public Consumer, public StreamEvents {
 public:
  std::vector<ResourceError> apply(ResourceType type, std::vector<Resource> added,
                                   std::vector<std::string> removed) override {
    std::set<std::string> names(removed.begin(), removed.end());
    check(names.size() == removed.size());
    std::vector<ResourceError> errors;
    for (const Resource& resource : added) {
      check(resource.body.type_url() == type_url(type));
      check(!resource.name.empty() && names.insert(resource.name).second);
      check(stream->find(type)->interest().wants(resource.name));
      if (resource.version.starts_with("bad")) errors.push_back({resource.name, "f", "bad"});
    }
    if (const auto next = dependent(type); next && !added.empty())
      stream->subscribe(*next, {added.front().name}, now);
    return errors;
  }
  void on_fetch_timeout(ResourceType type, const std::vector<std::string>& names) override {
    for (const std::string& name : names) stream->unsubscribe(type, {name});
  }
  void on_rejected(ResourceType, std::string_view, std::string_view complaint) override {
    check(!complaint.empty() && complaint.size() <= kLongestComplaint);
  }

  DiscoveryStream* stream = nullptr;
  TimePoint now{std::chrono::hours(1)};
};

void read_requests(DiscoveryStream& stream, TimePoint now) {
  for (int i = 0; const auto bytes = stream.next_request(now); ++i) {
    check(i < 1000);
    discovery::DiscoveryRequest sotw;
    discovery::DeltaDiscoveryRequest delta;
    const bool read = stream.protocol() == Protocol::sotw ? sotw.ParseFromString(*bytes)
                                                          : delta.ParseFromString(*bytes);
    check(read);
  }
}

std::vector<std::string> names_of(std::string_view argument) {
  std::string name(argument.substr(0, 3));
  for (char& c : name) c = static_cast<char>('a' + (c & 3));
  return {name};
}

void act(DiscoveryStream& stream, Notes& notes, std::uint8_t order, std::string_view argument) {
  const auto type = kResourceTypes[order >> 6];
  switch (order & 7) {
    case 0:
      return stream.subscribe(type, names_of(argument), notes.now);
    case 1:
      return stream.unsubscribe(type, names_of(argument));
    case 2:
      return stream.subscribe(type, {"*"}, notes.now);
    case 3:
      if (stream.connected()) stream.on_closed("gone", notes.now);
      return;
    case 4:
      notes.now += std::chrono::seconds(5);
      return stream.on_time(notes.now);
    default:
      if (!stream.connected()) return stream.on_open();
      if (!stream.on_message(std::string(argument), notes.now))
        stream.on_closed("no message", notes.now);
  }
}

void run(Protocol protocol, std::string_view script) {
  Notes notes;
  StreamOptions options;
  options.protocol = protocol;
  DiscoveryStream stream(options, notes, notes, [] { return 7; });
  notes.stream = &stream;
  for (const auto type : kResourceTypes) stream.add_type(type, std::chrono::seconds(15));
  stream.subscribe(ResourceType::cluster, {"*"}, notes.now);
  stream.subscribe(ResourceType::endpoints, {"a"}, notes.now);
  stream.on_open();
  read_requests(stream, notes.now);
  while (script.size() >= 3) {
    const auto order = static_cast<std::uint8_t>(script[0]);
    const std::size_t size = static_cast<std::uint8_t>(script[1]) * std::size_t{256} +
                             static_cast<std::uint8_t>(script[2]);
    script.remove_prefix(3);
    const auto argument = script.substr(0, size);
    script.remove_prefix(argument.size());
    act(stream, notes, order, argument);
    read_requests(stream, notes.now);
    static_cast<void>(stream.deadline());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  google::protobuf::LogSilencer silent;
  const std::string_view script(reinterpret_cast<const char*>(data + 1), size - 1);
  run((data[0] & 1) == 0 ? Protocol::sotw : Protocol::delta, script);
  static_cast<void>(read_resource_name(script));
  return 0;
}
