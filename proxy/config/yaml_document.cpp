// SPDX-License-Identifier: Apache-2.0
#include "proxy/config/yaml_document.hpp"

#include <cctype>
#include <charconv>

#include <yaml-cpp/depthguard.h>
#include <yaml-cpp/yaml.h>

namespace weir::config {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

bool looks_like_json(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos && text[first] == '{';
}

/// The code unit of `\uXXXX` at `at`, or nullopt.
std::optional<unsigned> code_unit(std::string_view text, std::size_t at) {
  if (at + 6 > text.size() || text[at] != '\\' || text[at + 1] != 'u') return std::nullopt;
  unsigned value = 0;
  const char* end = text.data() + at + 6;
  const auto parsed = std::from_chars(text.data() + at + 2, end, value, 16);
  if (parsed.ptr != end) return std::nullopt;
  return value;
}

/// JSON writes characters past U+FFFF as two \u escapes, which YAML does not know: `\ud83d\ude00` →
/// `\U0001f600`.
std::string join_surrogates(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    const auto high = code_unit(text, i);
    const auto low = high ? code_unit(text, i + 6) : std::nullopt;
    if (low && *high >= 0xD800 && *high < 0xDC00 && *low >= 0xDC00 && *low < 0xE000) {
      constexpr char kDigits[] = "0123456789abcdef";
      const unsigned rune = 0x10000 + ((*high - 0xD800) << 10) + (*low - 0xDC00);
      out += "\\U";
      for (int shift = 28; shift >= 0; shift -= 4) out += kDigits[(rune >> shift) & 0xF];
      i += 12;
    } else if (text[i] == '\\' && i + 1 < text.size()) {
      out.append(text.substr(i, 2));
      i += 2;
    } else {
      out += text[i++];
    }
  }
  return out;
}

Place place_of(const std::string& file, const YAML::Mark& mark) {
  if (mark.is_null()) return {file, 0, 0};
  return {file, mark.line + 1, mark.column + 1};
}

std::vector<YAML::Node> load(std::string_view text) {
  const bool json = looks_like_json(text);
  if (json && text.find("\\u") != std::string_view::npos)
    return YAML::LoadAll(join_surrogates(text));
  return YAML::LoadAll(std::string(text));
}

}  // namespace

std::optional<YamlDocument> parse_document(std::string file, std::string_view text,
                                           Diagnostics& diagnostics) {
  const auto fail = [&](Place place, std::string why) {
    diagnostics.add({Severity::error, std::move(place), "", std::move(why)});
    return std::nullopt;
  };
  if (text.size() > kLargestDocument)
    return fail({file}, "document of " + std::to_string(text.size()) +
                            " bytes: larger than the limit of " + std::to_string(kLargestDocument));
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  std::vector<YAML::Node> documents;
  try {
    documents = load(text);
  } catch (const YAML::DeepRecursion& problem) {
    return fail(place_of(file, problem.mark), "nested too deeply");
  } catch (const YAML::Exception& problem) {
    return fail(place_of(file, problem.mark), "not valid YAML or JSON: " + problem.msg);
  }
  if (documents.empty() || documents.front().IsNull())
    return fail({file}, "empty: expected an object with fields like 'static_resources'");
  if (documents.size() > 1)
    diagnostics.add({Severity::warning, place_of(file, documents[1].Mark()), "",
                     "more than one document: only the first is used"});
  return YamlDocument{std::move(file), documents.front(), text.size() + 1024};
}

}  // namespace weir::config
