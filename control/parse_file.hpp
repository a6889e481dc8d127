// SPDX-License-Identifier: Apache-2.0
// parse_file: one text of YAML or JSON → the objects in it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "control/object_reader.hpp"
#include "control/registry.hpp"

namespace weir::control {

/// All documents of the text. Each is one of
/// - a resource of Envoy's with "@type", or a DiscoveryResponse (`resources:`);
/// - an object with `kind`: ServiceEntry, VirtualService, DestinationRule, Service, EndpointSlice,
///   IstioOperator (its meshConfig), List; other kinds are left alone with a warning;
/// - an object with `meshConfig`.
/// The result is meaningful only when no error was reported.
std::vector<Object> parse_file(const std::string& name, std::string_view text,
                               config::Diagnostics& diagnostics);

/// The parts, one file each. `root` is the whole object; spec is read inside.
void parse_service_entry(ObjectReader& root, std::vector<Object>& out);
void parse_kubernetes_service(ObjectReader& root, std::vector<Object>& out);
void parse_endpoint_slice(ObjectReader& root, std::vector<Object>& out);
void parse_virtual_service(ObjectReader& root, std::vector<Object>& out);
void parse_destination_rule(ObjectReader& root, std::vector<Object>& out);
/// `holder` has a field meshConfig.
void parse_mesh_config(ObjectReader& holder, std::vector<Object>& out);
void parse_envoy_resources(const std::shared_ptr<const config::YamlDocument>& document,
                           config::Diagnostics& diagnostics, std::vector<Object>& out);

/// metadata: name and namespace.
ObjectName read_object_name(ObjectReader& root);
/// What metadata may hold without effect.
void ignore_metadata(ObjectReader& metadata);
Labels read_labels(ObjectReader& object, std::string_view field);
/// By the protocol's name, or by the prefix of a port's name ("grpc-web" → grpc).
Protocol protocol_of(std::string_view name);

}  // namespace weir::control
