// SPDX-License-Identifier: Apache-2.0
#include "control/grpc_server.hpp"

#include <deque>
#include <optional>
#include <unordered_map>

#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

namespace weir::control {
namespace {

constexpr int kLargestRequest = 16 * 1024 * 1024;

std::string text_of(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  std::string out;
  if (!buffer.Dump(&slices).ok()) return out;
  for (const grpc::Slice& slice : slices)
    out.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  return out;
}

grpc::ByteBuffer buffer_of(const std::string& text) {
  const grpc::Slice slice(text);
  return {&slice, 1};
}

/// What gRPC's threads tell the main thread about a call.
class CallOwner {
 public:
  virtual ~CallOwner() = default;
  virtual void on_read(std::uint64_t call, std::optional<std::string> message) = 0;
  virtual void on_written(std::uint64_t call) = 0;
  virtual void on_done(std::uint64_t call) = 0;
};

/// One call. gRPC calls back on threads of its own; everything else is the main thread's, which
/// deletes the call after on_done.
class Call final : public grpc::ServerGenericBidiReactor {
 public:
  Call(CallOwner& owner, std::uint64_t id) : owner_(owner), id_(id) {}

  void OnReadDone(bool ok) override {
    owner_.on_read(id_, ok ? std::optional(text_of(incoming_)) : std::nullopt);
  }
  void OnWriteDone(bool /*ok: a read fails as well*/) override { owner_.on_written(id_); }
  void OnDone() override { owner_.on_done(id_); }

  /// Not after Finish: gRPC may have destroyed its side already.
  void read() {
    if (!is_finished_) StartRead(&incoming_);
  }

  /// False when too much waits.
  bool send(std::string message) {
    if (is_ended_) return true;
    waiting_.push_back(std::move(message));
    if (waiting_.size() > GrpcServer::kMostWaiting) return false;
    write_next();
    return true;
  }

  void end(grpc::Status status) {
    if (is_ended_) return;
    is_ended_ = true;
    end_status_ = std::move(status);
    write_next();
  }

  /// For a client that is gone, or that does not read.
  void drop(grpc::Status status) {
    waiting_.clear();
    end(std::move(status));
  }

  void written() {
    is_writing_ = false;
    write_next();
  }

 private:
  void write_next() {
    if (is_writing_) return;
    if (!waiting_.empty()) {
      outgoing_ = buffer_of(waiting_.front());
      waiting_.pop_front();
      is_writing_ = true;
      StartWrite(&outgoing_);
    } else if (is_ended_ && !is_finished_) {
      is_finished_ = true;
      Finish(end_status_);
    }
  }

  CallOwner& owner_;
  const std::uint64_t id_;
  grpc::ByteBuffer incoming_, outgoing_;
  std::deque<std::string> waiting_;
  bool is_writing_ = false, is_ended_ = false, is_finished_ = false;
  grpc::Status end_status_;
};

class Server final : public GrpcServer, public CallOwner {
 public:
  Server(asio::io_context& io, CallEvents events)
      : io_(io), events_(std::move(events)), service_(*this) {}
  ~Server() override = default;

  Result<void> listen(const std::string& address) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort(address, grpc::InsecureServerCredentials(), &port_);
    builder.RegisterCallbackGenericService(&service_);
    builder.SetMaxReceiveMessageSize(kLargestRequest);
    builder.SetMaxSendMessageSize(-1);
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
    // Finds clients that vanished, and bears with those that look after us.
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 30'000);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10'000);
    builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 5'000);
    server_ = builder.BuildAndStart();
    if (server_ != nullptr && port_ != 0) return {};
    return Error{"listen '" + address +
                 "': cannot bind; is the address taken, or not of this host?"};
  }

  [[nodiscard]] int port() const override { return port_; }

  void send(std::uint64_t id, std::string message) override {
    const auto found = calls_.find(id);
    if (found != calls_.end() && !found->second->send(std::move(message)))
      found->second->drop({grpc::StatusCode::RESOURCE_EXHAUSTED, "reads too slowly"});
  }

  void finish(std::uint64_t id, CallStatus status, std::string message) override {
    if (const auto found = calls_.find(id); found != calls_.end())
      found->second->end({static_cast<grpc::StatusCode>(status), std::move(message)});
  }

  // -- from gRPC's threads ------------------------------------------------------------------------

  void on_read(std::uint64_t id, std::optional<std::string> message) override {
    asio::post(io_, [this, id, message = std::move(message)] {
      const auto found = calls_.find(id);
      if (found == calls_.end()) return;
      if (!message) return found->second->drop(grpc::Status::OK);
      events_.received(id, *message);
      found->second->read();
    });
  }
  void on_written(std::uint64_t id) override {
    asio::post(io_, [this, id] {
      if (const auto found = calls_.find(id); found != calls_.end()) found->second->written();
    });
  }
  void on_done(std::uint64_t id) override {
    asio::post(io_, [this, id] {
      events_.closed(id);
      calls_.erase(id);
    });
  }

 private:
  class Service final : public grpc::CallbackGenericService {
   public:
    explicit Service(Server& server) : server_(server) {}
    grpc::ServerGenericBidiReactor* CreateReactor(
        grpc::GenericCallbackServerContext* context) override {
      return server_.create(context->method(), context->peer());
    }

   private:
    Server& server_;
  };

  Call* create(std::string path, std::string peer) {
    const std::uint64_t id = ++last_call_;
    Call* call = new Call(*this, id);  // owned by calls_, from the next lines on
    asio::post(io_, [this, id, call, path = std::move(path), peer = std::move(peer)] {
      calls_.emplace(id, call);
      if (events_.opened(id, path, peer)) return call->read();
      call->end({grpc::StatusCode::UNIMPLEMENTED, "no such method: " + path});
    });
    return call;
  }

  asio::io_context& io_;
  const CallEvents events_;
  Service service_;
  std::atomic<std::uint64_t> last_call_ = 0;
  std::unordered_map<std::uint64_t, std::unique_ptr<Call>> calls_;  // main thread
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace

Result<std::unique_ptr<GrpcServer>> GrpcServer::start(asio::io_context& io,
                                                      const std::string& address,
                                                      CallEvents events) {
  auto server = std::make_unique<Server>(io, std::move(events));
  TRY_VOID(server->listen(address));
  return std::unique_ptr<GrpcServer>(std::move(server));
}

}  // namespace weir::control
