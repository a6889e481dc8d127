// SPDX-License-Identifier: Apache-2.0
#include "proxy/admin/log_levels.hpp"

#include <algorithm>

namespace weir::admin {
namespace {

Result<void> set_one(LogLevels& levels, std::string_view name, std::string_view level_text) {
  const auto found = std::find(log::kComponentNames.begin(), log::kComponentNames.end(), name);
  if (found == log::kComponentNames.end())
    return Error{"logger '" + std::string(name) + "': no such logger"};
  TRY(const log::Level level, log::parse_level(level_text));
  levels[static_cast<std::size_t>(found - log::kComponentNames.begin())] = level;
  return {};
}

Result<void> set_paths(LogLevels& levels, std::string_view paths) {
  for (;;) {
    const std::size_t end = paths.find(',');
    const std::string_view entry = paths.substr(0, end);
    const std::size_t colon = entry.find(':');
    if (colon == std::string_view::npos)
      return Error{"paths '" + std::string(entry) + "': expected name:level"};
    TRY_VOID(set_one(levels, entry.substr(0, colon), entry.substr(colon + 1)));
    if (end == std::string_view::npos) return {};
    paths.remove_prefix(end + 1);
  }
}

}  // namespace

LogLevels current_levels() {
  LogLevels levels{};
  for (std::size_t i = 0; i < levels.size(); ++i)
    levels[i] = log::level(static_cast<log::Component>(i));
  return levels;
}

void apply_levels(const LogLevels& levels) {
  for (std::size_t i = 0; i < levels.size(); ++i)
    log::set_level(static_cast<log::Component>(i), levels[i]);
}

Result<LogLevels> plan_levels(const QueryParams& params, LogLevels levels) {
  if (params.all().empty()) return levels;
  if (params.all().size() > 1) return Error{"logging: one parameter at a time"};
  const auto& [name, value] = params.all().front();
  if (name == "level") {
    TRY(const log::Level level, log::parse_level(value));
    levels.fill(level);
  } else if (name == "paths") {
    TRY_VOID(set_paths(levels, value));
  } else {
    TRY_VOID(set_one(levels, name, value));
  }
  return levels;
}

std::string render_levels(const LogLevels& levels) {
  std::string out = "active loggers:\n";
  for (std::size_t i = 0; i < levels.size(); ++i) {
    out += "  ";
    out += log::kComponentNames[i];
    out += ": ";
    out += log::to_string(levels[i]);
    out += '\n';
  }
  return out + "\n";
}

std::string render_logging_usage() {
  return "usage: /logging?<name>=<level> (change single level)\n"
         "usage: /logging?paths=name1:level1,name2:level2,... (change multiple levels)\n"
         "usage: /logging?level=<level> (change all levels)\n"
         "levels: trace debug info warning error critical off\n";
}

}  // namespace weir::admin
