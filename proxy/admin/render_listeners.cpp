// SPDX-License-Identifier: Apache-2.0
#include "proxy/admin/address_json.hpp"
#include "proxy/admin/render.hpp"

namespace weir::admin {

void write_address(JsonWriter& json, const Endpoint& endpoint) {
  json.begin_object().key("socket_address").begin_object();
  json.key("address").string(endpoint.address.to_string());
  json.key("port_value").number(endpoint.port);
  json.end_object().end_object();
}

std::string render_listeners_text(std::span<const ListenerView> listeners) {
  std::string out;
  for (const ListenerView& listener : listeners)
    for (const ListenAddress& address : listener.addresses)
      out += listener.name + "::" + address.to_string() + "\n";
  return out;
}

std::string render_listeners_json(std::span<const ListenerView> listeners) {
  JsonWriter json;
  json.begin_object().key("listener_statuses").begin_array();
  for (const ListenerView& listener : listeners) {
    const std::span addresses(listener.addresses);
    json.begin_object().key("name").string(listener.name);
    json.key("local_address");
    write_address(json, addresses.front().endpoint);
    if (addresses.size() > 1) {
      json.key("additional_local_addresses").begin_array();
      for (const ListenAddress& address : addresses.subspan(1))
        write_address(json, address.endpoint);
      json.end_array();
    }
    json.end_object();
  }
  json.end_array().end_object();
  return json.take();
}

}  // namespace weir::admin
