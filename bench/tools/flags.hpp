// SPDX-License-Identifier: Apache-2.0
// Command-line flags of the benchmark's helper programs: `--name value` pairs, the rest after `--`.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace bench {

class Flags {
 public:
  // Reads argv from `first` on. Ends the program with a message on a malformed command line.
  Flags(int argc, char** argv, int first);

  // The value of `--name`; ends the program when the flag is missing.
  std::string text(const std::string& name) const;
  std::string text(const std::string& name, const std::string& fallback) const;
  double number(const std::string& name, double fallback) const;
  // "12,34" as numbers; empty when the flag is missing.
  std::vector<int> list(const std::string& name) const;
  // What follows `--`: a program and its arguments.
  const std::vector<std::string>& command() const { return command_; }

 private:
  std::map<std::string, std::string> values_;
  std::vector<std::string> command_;
};

// Prints `message` to stderr and ends the program with status 1.
[[noreturn]] void fail(const std::string& message);

}  // namespace bench
