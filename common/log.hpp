// SPDX-License-Identifier: Apache-2.0
// Component loggers. Only log.cpp knows spdlog; callers pay one level check when a message is off.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/core.h>

#include "common/result.hpp"

namespace weir::log {

/// Levels with Envoy's names (`-l`, `/logging`).
enum class Level : std::uint8_t { trace, debug, info, warning, error, critical, off };

/// One logger each; `/logging?NAME=LEVEL` addresses them by these names.
enum class Component : std::uint8_t {
  main,
  config,
  connection,
  listener,
  upstream,
  admin,
  init,
  dns,
  lua
};
inline constexpr std::array<std::string_view, 9> kComponentNames{
    "main", "config", "connection", "listener", "upstream", "admin", "init", "dns", "lua"};

/// Sends all output to `path` (appended), or to standard error when empty. Call once, before any
/// thread starts.
Result<void> start(Level level, const std::string& path);

/// Accepts trace, debug, info, warning (warn), error (err), critical, off. Error quotes the text.
Result<Level> parse_level(std::string_view text);
std::string_view to_string(Level level);

Level level(Component component);
void set_level(Component component, Level level);  // any thread
void set_all_levels(Level level);                  // any thread

namespace detail {
extern std::array<std::atomic<Level>, kComponentNames.size()> levels;
/// Any thread. Adds time, component and level; escapes control characters so that a peer cannot
/// forge lines.
void write(Component component, Level level, std::string_view message);
}  // namespace detail

inline bool enabled(Component component, Level at) {
  return at >= detail::levels[static_cast<std::size_t>(component)].load(std::memory_order_relaxed);
}

template <class... Args>
void write(Component component, Level at, fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(component, at))
    detail::write(component, at, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void debug(Component component, fmt::format_string<Args...> format, Args&&... args) {
  write(component, Level::debug, format, std::forward<Args>(args)...);
}
template <class... Args>
void info(Component component, fmt::format_string<Args...> format, Args&&... args) {
  write(component, Level::info, format, std::forward<Args>(args)...);
}
template <class... Args>
void warning(Component component, fmt::format_string<Args...> format, Args&&... args) {
  write(component, Level::warning, format, std::forward<Args>(args)...);
}
template <class... Args>
void error(Component component, fmt::format_string<Args...> format, Args&&... args) {
  write(component, Level::error, format, std::forward<Args>(args)...);
}

}  // namespace weir::log
