// SPDX-License-Identifier: Apache-2.0
#include "bench/tools/flags.hpp"

#include <cstdio>
#include <cstdlib>
#include <sstream>

namespace bench {

void fail(const std::string& message) {
  std::fprintf(stderr, "weir-bench: %s\n", message.c_str());
  std::exit(1);
}

Flags::Flags(int argc, char** argv, int first) {
  for (int i = first; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--") {
      command_.assign(argv + i + 1, argv + argc);
      return;
    }
    if (word.rfind("--", 0) != 0 || i + 1 >= argc)
      fail("flag '" + word + "': expected --name value");
    values_[word.substr(2)] = argv[++i];
  }
}

std::string Flags::text(const std::string& name) const {
  const auto found = values_.find(name);
  if (found == values_.end()) fail("flag '--" + name + "': missing");
  return found->second;
}

std::string Flags::text(const std::string& name, const std::string& fallback) const {
  const auto found = values_.find(name);
  return found == values_.end() ? fallback : found->second;
}

double Flags::number(const std::string& name, double fallback) const {
  const auto found = values_.find(name);
  return found == values_.end() ? fallback : std::strtod(found->second.c_str(), nullptr);
}

std::vector<int> Flags::list(const std::string& name) const {
  std::vector<int> numbers;
  std::stringstream words(text(name, ""));
  for (std::string word; std::getline(words, word, ',');) numbers.push_back(std::stoi(word));
  return numbers;
}

}  // namespace bench
