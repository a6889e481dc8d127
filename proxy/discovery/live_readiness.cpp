// SPDX-License-Identifier: Apache-2.0
// The part of LiveConfiguration that says what is awaited and what was refused.
#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "proxy/discovery/live_configuration.hpp"

namespace weir::discovery {
namespace {

template <class Config>
void add_refused(std::string_view what, const ResourceStore::Resources<Config>& stored,
                 std::vector<std::string>& lines) {
  for (const auto& [name, resource] : stored) {
    if (!resource.error) continue;
    std::string line = "refused: " + std::string(what) + " '" + name + "'";
    if (!resource.error->version.empty()) line += ", version '" + resource.error->version + "'";
    lines.push_back(line + ": " + resource.error->text);
  }
}

}  // namespace

std::vector<std::string> LiveConfiguration::readiness() const {
  std::vector<std::string> lines;
  for (const ResourceType type : unanswered_) {
    const auto& source = type == ResourceType::cluster ? published_->cds : published_->lds;
    const auto& api = source->ads ? published_->ads : source->api;
    lines.push_back("waiting: " + std::string(xds::short_name(type)) + ": control plane '" +
                    api->cluster + "' has not answered");
  }
  for (const auto& [control_plane, problem] : problems_)
    lines.push_back("lost: " + control_plane + ": " + problem);
  for (const auto& [source, failure] : store_.failures())
    lines.push_back("degraded: " + std::string(xds::short_name(source.first)) + ": " +
                    failure.text);
  add_refused("cluster", store_.clusters(), lines);
  add_refused("endpoints of", store_.endpoints(), lines);
  add_refused("listener", store_.listeners(), lines);
  add_refused("route table", store_.route_tables(), lines);
  return lines;
}

}  // namespace weir::discovery
