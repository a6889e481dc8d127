// SPDX-License-Identifier: Apache-2.0
#include "bench/tools/control_server.hpp"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include "bench/tools/flags.hpp"
#include "bench/tools/sockets.hpp"
#include "envoy/service/discovery/v3/discovery.pb.h"

namespace bench {
namespace {

constexpr int kLargestRequest = 64 * 1024 * 1024;

std::string text_of(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  std::string text;
  if (!buffer.Dump(&slices).ok()) return text;
  for (const grpc::Slice& slice : slices)
    text.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  return text;
}

}  // namespace

// The stream of the client. Everything but the reads happens under the server's lock.
class ControlServer::Stream final : public grpc::ServerGenericBidiReactor {
 public:
  explicit Stream(ControlServer& server) : server_(server) { StartRead(&incoming_); }

  void OnReadDone(bool ok) override {
    if (!ok) return end();
    server_.on_request(text_of(incoming_));
    StartRead(&incoming_);
  }
  void OnWriteDone(bool ok) override {
    const std::lock_guard lock(server_.mutex_);
    is_writing_ = false;
    if (ok) write_next();
  }
  void OnDone() override { delete this; }

  void send(const std::string& message) {
    waiting_.push_back(message);
    write_next();
  }

 private:
  void write_next() {
    if (is_writing_ || waiting_.empty()) return;
    const grpc::Slice slice(waiting_.front());
    outgoing_ = grpc::ByteBuffer(&slice, 1);
    waiting_.pop_front();
    is_writing_ = true;
    StartWrite(&outgoing_);
  }
  void end() {
    server_.on_closed(this);
    Finish(grpc::Status::OK);
  }

  ControlServer& server_;
  grpc::ByteBuffer incoming_, outgoing_;
  std::deque<std::string> waiting_;
  bool is_writing_ = false;
};

class ControlServer::Service final : public grpc::CallbackGenericService {
 public:
  explicit Service(ControlServer& server) : server_(server) {}
  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext*) override {
    auto* const stream = new Stream(server_);  // deletes itself
    const std::lock_guard lock(server_.mutex_);
    server_.stream_ = stream;
    server_.types_.clear();
    server_.unanswered_.clear();
    return stream;
  }
  std::unique_ptr<grpc::Server> listening;

 private:
  ControlServer& server_;
};

ControlServer::ControlServer() : service_(std::make_unique<Service>(*this)) {}
ControlServer::~ControlServer() = default;

void ControlServer::listen(int port) {
  grpc::ServerBuilder builder;
  int bound = 0;
  builder.AddListeningPort("127.0.0.1:" + std::to_string(port), grpc::InsecureServerCredentials(),
                           &bound);
  builder.RegisterCallbackGenericService(service_.get());
  builder.SetMaxReceiveMessageSize(kLargestRequest);
  builder.SetMaxSendMessageSize(-1);
  service_->listening = builder.BuildAndStart();
  if (service_->listening == nullptr || bound != port)
    fail("port '" + std::to_string(port) + "': cannot listen");
}

void ControlServer::on_request(const std::string& bytes) {
  envoy::service::discovery::v3::DeltaDiscoveryRequest request;
  if (!request.ParseFromString(bytes)) fail("a request that is no DeltaDiscoveryRequest");
  const std::lock_guard lock(mutex_);
  if (first_request_ns_ == 0) first_request_ns_ = now_ns();
  if (!request.response_nonce().empty()) {
    unanswered_.erase(std::strtoull(request.response_nonce().c_str(), nullptr, 10));
    if (request.has_error_detail()) {
      ++refused_;
      std::fprintf(stderr, "refused: %.400s\n", request.error_detail().message().c_str());
    }
    changed_.notify_all();
  }
  Type& type = types_[request.type_url()];
  const Resources& has = resources_[request.type_url()];
  std::vector<std::string> wanted;
  if (!std::exchange(type.asked, true) && request.resource_names_subscribe().empty()) {
    type.all = true;
    for (const auto& [name, resource] : has.by_name) wanted.push_back(name);
  }
  for (const std::string& name : request.resource_names_subscribe()) {
    type.names.insert(name);
    wanted.push_back(name);
  }
  for (const std::string& name : request.resource_names_unsubscribe()) type.names.erase(name);
  if (!wanted.empty() || (type.all && request.response_nonce().empty()))
    send(request.type_url(), wanted);
}

void ControlServer::on_closed(const Stream* stream) {
  const std::lock_guard lock(mutex_);
  if (stream_ == stream) stream_ = nullptr;
}

std::uint64_t ControlServer::send(const std::string& type, const std::vector<std::string>& names) {
  envoy::service::discovery::v3::DeltaDiscoveryResponse response;
  const Resources& has = resources_[type];
  response.set_type_url(type);
  for (const std::string& name : names) {
    const auto found = has.by_name.find(name);
    if (found == has.by_name.end()) {
      response.add_removed_resources(name);
      continue;
    }
    auto& resource = *response.add_resources();
    resource.set_name(name);
    resource.set_version(found->second.version);
    resource.mutable_resource()->set_type_url(type);
    resource.mutable_resource()->set_value(found->second.message);
  }
  response.set_system_version_info(std::to_string(++sent_));
  response.set_nonce(std::to_string(sent_));
  unanswered_.insert(sent_);
  stream_->send(response.SerializeAsString());
  return sent_;
}

std::uint64_t ControlServer::change(
    const std::function<Changes(std::map<std::string, Resources>&)>& edit) {
  const std::lock_guard lock(mutex_);
  std::uint64_t last = 0;
  for (const auto& [type, names] : edit(resources_)) {
    std::vector<std::string> wanted;
    for (const std::string& name : names)
      if (types_[type].all || types_[type].names.contains(name)) wanted.push_back(name);
    if (stream_ != nullptr && !wanted.empty()) last = send(type, wanted);
  }
  return last;
}

bool ControlServer::wait_for_answer(std::uint64_t response, double seconds) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, std::chrono::duration<double>(seconds),
                           [&] { return !unanswered_.contains(response); });
}

std::int64_t ControlServer::first_request_ns() {
  const std::lock_guard lock(mutex_);
  return first_request_ns_;
}

std::uint64_t ControlServer::refused() {
  const std::lock_guard lock(mutex_);
  return refused_;
}

}  // namespace bench
