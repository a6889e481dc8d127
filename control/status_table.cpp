// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "control/hub.hpp"

namespace weir::control {
namespace {

using Row = std::vector<std::string>;

/// Texts of clients end in a terminal: no control characters.
std::string printable(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  return out;
}

Row row_of(const NodeStatus& node) {
  Row row{node.id.empty() ? "-" : printable(node.id)};
  for (const TypeStatus& status : node.types) row.emplace_back(to_string(status.state()));
  row.push_back(printable(node.peer));
  return row;
}

}  // namespace

std::string render_status(const std::vector<NodeStatus>& nodes) {
  std::vector<Row> rows{{"NAME"}};
  for (const ResourceType type : kResourceTypes) rows[0].emplace_back(short_name(type));
  rows[0].emplace_back("PEER");
  for (const NodeStatus& node : nodes) rows.push_back(row_of(node));
  std::vector<std::size_t> widths(rows[0].size());
  for (const Row& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  std::string out;
  for (const Row& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      out += row[i];
      if (i + 1 < row.size()) out.append(widths[i] - row[i].size() + 2, ' ');
    }
    out += '\n';
  }
  for (const NodeStatus& node : nodes)
    for (const ResourceType type : kResourceTypes)
      if (const TypeStatus& status = node.types[static_cast<std::size_t>(type)];
          !status.error.empty())
        out += printable(node.id) + " refused " + std::string(short_name(type)) + " version " +
               status.version + ": " + printable(status.error) + "\n";
  return out;
}

}  // namespace weir::control
