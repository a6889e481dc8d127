// SPDX-License-Identifier: Apache-2.0
#include "control/fetch_client.hpp"

#include <chrono>

#include <google/protobuf/text_format.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>

#include "control/hub.hpp"
#include "envoy/service/discovery/v3/discovery.pb.h"

namespace weir::control {
namespace {

using envoy::service::discovery::v3::DiscoveryRequest;
using envoy::service::discovery::v3::DiscoveryResponse;

constexpr std::chrono::seconds kLongest{10};

Result<DiscoveryResponse> ask(const FetchOptions& options, const DiscoveryRequest& request) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(-1);
  grpc::GenericStub stub(
      grpc::CreateCustomChannel(options.server, grpc::InsecureChannelCredentials(), arguments));
  const grpc::Slice slice(request.SerializeAsString());
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kLongest);
  grpc::CompletionQueue queue;
  const auto call = stub.PrepareUnaryCall(&context, fetch_path(options.type),
                                          grpc::ByteBuffer(&slice, 1), &queue);
  call->StartCall();
  grpc::ByteBuffer answer;
  grpc::Status status;
  call->Finish(&answer, &status, nullptr);
  void* tag = nullptr;
  bool ok = false;
  queue.Next(&tag, &ok);
  if (!status.ok()) return Error{"server '" + options.server + "': " + status.error_message()};
  std::vector<grpc::Slice> parts;
  std::string bytes;
  if (answer.Dump(&parts).ok())
    for (const grpc::Slice& part : parts)
      bytes.append(reinterpret_cast<const char*>(part.begin()), part.size());
  DiscoveryResponse response;
  if (!response.ParseFromString(bytes))
    return Error{"server '" + options.server + "': the answer is no DiscoveryResponse"};
  return response;
}

}  // namespace

Result<std::string> fetch(const FetchOptions& options) {
  DiscoveryRequest request;
  request.mutable_node()->set_id(options.node);
  request.set_type_url(std::string(type_url(options.type)));
  if (!options.name.empty()) request.add_resource_names(options.name);
  TRY(const DiscoveryResponse response, ask(options, request));
  if (response.resources().empty() && !options.name.empty())
    return Error{"name '" + options.name + "': there is no such resource"};
  google::protobuf::TextFormat::Printer printer;
  printer.SetExpandAny(true);
  std::string out = "# version " + response.version_info() + "\n";
  for (const auto& resource : response.resources()) {
    std::string text;
    printer.PrintToString(resource, &text);
    out += text;
  }
  return out;
}

}  // namespace weir::control
