// SPDX-License-Identifier: Apache-2.0
#include "proxy/access_log/time_format.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <limits>

namespace weir::access_log {
namespace {

using std::chrono::nanoseconds;

/// One second of calendar time in UTC, and the beginning of the default format for it. Lines come
/// many a second: each thread remembers its last one.
struct Second {
  std::time_t seconds = std::numeric_limits<std::time_t>::min();
  std::tm calendar{};
  std::array<char, 64> text{};  // "2024-05-06T07:08:09."
  std::size_t length = 0;
};

/// A moment: its second, and the nanoseconds within.
struct Moment {
  const Second& second;
  std::int64_t nanos;
};

Moment split(std::chrono::system_clock::time_point time) {
  thread_local Second last;
  const auto whole = std::chrono::floor<std::chrono::seconds>(time);
  const auto seconds = static_cast<std::time_t>(whole.time_since_epoch().count());
  if (seconds != last.seconds) {
    last.seconds = seconds;
    gmtime_r(&seconds, &last.calendar);
    const std::tm& t = last.calendar;
    last.length = static_cast<std::size_t>(
        std::snprintf(last.text.data(), last.text.size(), "%04d-%02d-%02dT%02d:%02d:%02d.",
                      t.tm_year + 1900, t.tm_mon + 1, t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec));
  }
  return {last, std::chrono::duration_cast<nanoseconds>(time - whole).count()};
}

void append_fraction(std::int64_t nanos, int digits, std::string& out) {
  char text[16];
  std::snprintf(text, sizeof text, "%09lld", static_cast<long long>(nanos));
  out.append(text, static_cast<std::size_t>(digits));
}

void append_calendar(const std::string& format, const std::tm& calendar, std::string& out) {
  // The longest single conversion, %c, is under 32 bytes; "%%" and literals shrink or stay.
  const std::size_t room = format.size() * 16 + 32;
  const std::size_t begin = out.size();
  out.resize(begin + room);
  out.resize(begin + std::strftime(out.data() + begin, room, format.c_str(), &calendar));
}

/// Conversions that strftime(3) of glibc has and that need neither a locale nor a local time zone.
constexpr std::string_view kCalendarConversions = "aAbBcCdDeFgGhHIjklmMnpPrRStTuUVwWxXyYzZ%";

}  // namespace

Result<TimeFormat> TimeFormat::parse(std::string_view format) {
  TimeFormat result;
  std::string calendar;
  const auto add = [&](Piece piece) {
    if (!calendar.empty()) result.pieces_.push_back({Piece::Kind::calendar, calendar, 0});
    calendar.clear();
    result.pieces_.push_back(std::move(piece));
  };
  for (std::size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%') {
      calendar += format[i];
      continue;
    }
    const char c = ++i < format.size() ? format[i] : '\0';
    const char next = i + 1 < format.size() ? format[i + 1] : '\0';
    if (c == 's') {
      add({Piece::Kind::epoch_seconds, {}, 0});
    } else if (c == 'f') {
      add({Piece::Kind::fraction, {}, 9});
    } else if (c >= '1' && c <= '9' && next == 'f') {
      add({Piece::Kind::fraction, {}, c - '0'});
      ++i;
    } else if (c != '\0' && kCalendarConversions.find(c) != std::string_view::npos) {
      calendar += '%';
      calendar += c;
    } else {
      return Error{"time format '" + std::string(format) + "': unknown conversion '%" +
                   (c == '\0' ? std::string() : std::string(1, c)) + "'"};
    }
  }
  if (!calendar.empty()) result.pieces_.push_back({Piece::Kind::calendar, calendar, 0});
  return result;
}

std::string_view print_time(std::chrono::system_clock::time_point time, TimeBuffer& buffer) {
  const Moment moment = split(time);
  const auto millis = static_cast<unsigned>(moment.nanos / 1'000'000);
  char* at = std::copy_n(moment.second.text.data(), moment.second.length, buffer.data());
  *at++ = static_cast<char>('0' + millis / 100);
  *at++ = static_cast<char>('0' + millis / 10 % 10);
  *at++ = static_cast<char>('0' + millis % 10);
  *at++ = 'Z';
  return {buffer.data(), static_cast<std::size_t>(at - buffer.data())};
}

void TimeFormat::render(std::chrono::system_clock::time_point time, std::string& out) const {
  if (is_default()) {
    TimeBuffer buffer;
    out += print_time(time, buffer);
    return;
  }
  const Moment moment = split(time);
  for (const Piece& piece : pieces_) {
    switch (piece.kind) {
      case Piece::Kind::epoch_seconds:
        out += std::to_string(moment.second.seconds);
        break;
      case Piece::Kind::fraction:
        append_fraction(moment.nanos, piece.digits, out);
        break;
      case Piece::Kind::calendar:
        append_calendar(piece.calendar, moment.second.calendar, out);
        break;
    }
  }
}

}  // namespace weir::access_log
