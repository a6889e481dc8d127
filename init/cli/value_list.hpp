// SPDX-License-Identifier: Apache-2.0
// Lists as flag values: `a,b,c`, or `@FILE` for lists that are too long for a command line.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.hpp"
#include "init/cli/command_line.hpp"

namespace weir::init {

/// The items of one value, blanks trimmed, empty ones skipped. In a file, items are separated by
/// commas, blanks or newlines, and `#` starts a comment.
class ValueList {
 public:
  struct Item {
    std::string_view text;       // points into the list
    std::uint32_t position = 0;  // 1-based: of the item in a value, of the line in a file
  };

  /// Error when the file cannot be read.
  static Result<ValueList> read(const RawValue& value, const Environment& environment);
  static ValueList split(const RawValue& value);

  [[nodiscard]] const std::vector<Item>& items() const { return items_; }
  /// "-x: item 3: 'foo': reason" or "-x: /path line 12: 'foo': reason".
  [[nodiscard]] Error error(const Item& item, std::string_view reason) const;

 private:
  void split_value();
  void split_file();

  // On the heap, so that the items stay valid when the list moves.
  std::unique_ptr<const std::string> text_;
  std::vector<Item> items_;
  std::string source_;
  std::string path_;  // empty = the value itself
};

}  // namespace weir::init
