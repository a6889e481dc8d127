// SPDX-License-Identifier: Apache-2.0
#include "proxy/access_log/time_format.hpp"

#include <cstdint>
#include <cstdio>
#include <ctime>

namespace weir::access_log {
namespace {

using std::chrono::nanoseconds;

/// Calendar time in UTC and the nanoseconds within the second.
struct Moment {
  std::time_t seconds;
  std::int64_t nanos;
  std::tm calendar;
};

Moment split(std::chrono::system_clock::time_point time) {
  const auto whole = std::chrono::floor<std::chrono::seconds>(time);
  Moment moment{};
  moment.seconds = static_cast<std::time_t>(whole.time_since_epoch().count());
  moment.nanos = std::chrono::duration_cast<nanoseconds>(time - whole).count();
  gmtime_r(&moment.seconds, &moment.calendar);
  return moment;
}

void append_fraction(std::int64_t nanos, int digits, std::string& out) {
  char text[16];
  std::snprintf(text, sizeof text, "%09lld", static_cast<long long>(nanos));
  out.append(text, static_cast<std::size_t>(digits));
}

void append_default(const Moment& moment, std::string& out) {
  const std::tm& t = moment.calendar;
  char text[80];
  const int length = std::snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ",
                                   t.tm_year + 1900, t.tm_mon + 1, t.tm_mday, t.tm_hour, t.tm_min,
                                   t.tm_sec, static_cast<int>(moment.nanos / 1'000'000));
  out.append(text, static_cast<std::size_t>(length));
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

void TimeFormat::render(std::chrono::system_clock::time_point time, std::string& out) const {
  const Moment moment = split(time);
  if (pieces_.empty()) return append_default(moment, out);
  for (const Piece& piece : pieces_) {
    switch (piece.kind) {
      case Piece::Kind::epoch_seconds:
        out += std::to_string(moment.seconds);
        break;
      case Piece::Kind::fraction:
        append_fraction(moment.nanos, piece.digits, out);
        break;
      case Piece::Kind::calendar: {
        // The longest single conversion, %c, is under 32 bytes; "%%" and literals shrink or stay.
        std::string text(piece.calendar.size() * 16 + 32, '\0');
        text.resize(
            std::strftime(text.data(), text.size(), piece.calendar.c_str(), &moment.calendar));
        out += text;
        break;
      }
    }
  }
}

}  // namespace weir::access_log
