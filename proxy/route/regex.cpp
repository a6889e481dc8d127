// SPDX-License-Identifier: Apache-2.0
#include "proxy/route/regex.hpp"

#include <re2/re2.h>

namespace weir::route {
namespace {

re2::StringPiece piece(std::string_view text) { return {text.data(), text.size()}; }

}  // namespace

Result<std::shared_ptr<const re2::RE2>> compile_regex(std::string_view pattern,
                                                      std::uint32_t most) {
  re2::RE2::Options options;
  options.set_log_errors(false);
  auto regex = std::make_shared<const re2::RE2>(piece(pattern), options);
  if (!regex->ok()) return Error{regex->error()};
  if (const int size = regex->ProgramSize(); size > 0 && static_cast<std::uint32_t>(size) > most)
    return Error{"regex '" + std::string(pattern) + "' RE2 program size of " +
                 std::to_string(size) + " > max program size of " + std::to_string(most) +
                 " set for the error level threshold. Increase configured max program size if "
                 "necessary."};
  return std::shared_ptr<const re2::RE2>(std::move(regex));
}

bool matches_whole(const re2::RE2& regex, std::string_view text) {
  return re2::RE2::FullMatch(piece(text), regex);
}

std::string replace_all(const re2::RE2& regex, std::string_view text,
                        std::string_view substitution) {
  std::string out(text);
  re2::RE2::GlobalReplace(&out, regex, piece(substitution));
  return out;
}

Result<void> check_substitution(const re2::RE2& regex, std::string_view substitution) {
  std::string why;
  if (regex.CheckRewriteString(piece(substitution), &why)) return {};
  return Error{"substitution '" + std::string(substitution) + "': " + why};
}

}  // namespace weir::route
