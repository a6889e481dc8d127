// SPDX-License-Identifier: Apache-2.0
#include "common/log.hpp"

#include <memory>

#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

namespace weir::log {
namespace detail {

std::array<std::atomic<Level>, kComponentNames.size()> levels{
    Level::info, Level::info, Level::info, Level::info, Level::info,
    Level::info, Level::info, Level::info, Level::info};

}  // namespace detail

namespace {

constexpr std::array<std::string_view, 7> kLevelNames{"trace", "debug",    "info", "warning",
                                                      "error", "critical", "off"};

std::shared_ptr<spdlog::logger>& sink_logger() {
  static std::shared_ptr<spdlog::logger> logger = [] {
    auto made =
        std::make_shared<spdlog::logger>("weir", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_level(spdlog::level::trace);  // the component levels decide, before spdlog is called
    made->set_pattern("[%Y-%m-%d %H:%M:%S.%e][%l]%v");
    return made;
  }();
  return logger;
}

std::string escaped(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f)
      out += fmt::format("\\x{:02x}", byte);
    else
      out += c;
  }
  return out;
}

}  // namespace

Result<void> start(Level level, const std::string& path) {
  set_all_levels(level);
  if (path.empty()) {
    sink_logger();
    return {};
  }
  try {
    auto made = std::make_shared<spdlog::logger>(
        "weir", std::make_shared<spdlog::sinks::basic_file_sink_mt>(path));
    made->set_level(spdlog::level::trace);
    made->set_pattern("[%Y-%m-%d %H:%M:%S.%e][%l]%v");
    made->flush_on(spdlog::level::trace);
    sink_logger() = std::move(made);
  } catch (const spdlog::spdlog_ex& e) {
    return Error{"log file '" + path + "': " + e.what()};
  }
  return {};
}

Result<Level> parse_level(std::string_view text) {
  if (text == "warn") return Level::warning;
  if (text == "err") return Level::error;
  for (std::size_t i = 0; i < kLevelNames.size(); ++i)
    if (text == kLevelNames[i]) return static_cast<Level>(i);
  return Error{"log level '" + std::string(text) +
               "': expected trace, debug, info, warning, error, critical or off"};
}

std::string_view to_string(Level level) { return kLevelNames[static_cast<std::size_t>(level)]; }

Level level(Component component) {
  return detail::levels[static_cast<std::size_t>(component)].load(std::memory_order_relaxed);
}

void set_level(Component component, Level level) {
  detail::levels[static_cast<std::size_t>(component)].store(level, std::memory_order_relaxed);
}

void set_all_levels(Level level) {
  for (auto& slot : detail::levels) slot.store(level, std::memory_order_relaxed);
}

void detail::write(Component component, Level level, std::string_view message) {
  constexpr std::array<spdlog::level::level_enum, 7> kSpdlogLevels{
      spdlog::level::trace, spdlog::level::debug,    spdlog::level::info, spdlog::level::warn,
      spdlog::level::err,   spdlog::level::critical, spdlog::level::off};
  sink_logger()->log(kSpdlogLevels[static_cast<std::size_t>(level)], "[{}] {}",
                     kComponentNames[static_cast<std::size_t>(component)], escaped(message));
}

}  // namespace weir::log
