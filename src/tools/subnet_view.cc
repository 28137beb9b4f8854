#include "tools/subnet_view.h"

#include <map>

#include "tools/mode_name.h"
#include "tools/terminal_text.h"

namespace icws::tools {
namespace {

constexpr size_t kUrlWidth = 60;
// Newest connections that are shown; the rest is counted.
constexpr size_t kConnectionsShown = 8;

std::string short_hash(const std::string& digest) { return to_hex(digest).substr(0, 8); }

std::string format_replicas(const SubnetPanel& panel) {
  TextTable table;
  table.row({"replica", "pid", "adapter", "state", "height", "app hash", "p50", "p99", "report"});
  for (size_t i = 0; i < panel.replicas.size(); ++i) {
    const auto& replica = panel.replicas[i];
    std::vector<std::string> cells = {std::to_string(replica.index),
                                      replica.pid == 0 ? "-" : std::to_string(replica.pid),
                                      replica.adapter_pid == 0 ? "-" : std::to_string(replica.adapter_pid),
                                      i < panel.engine.standings.size() ? panel.engine.standings[i] : "?"};
    if (replica.status) {
      const auto& status = *replica.status;
      cells.push_back(std::to_string(status.height()));
      cells.push_back(short_hash(status.app_hash()));
      cells.push_back(std::to_string(status.latency_p50_ms()) + " ms");
      cells.push_back(std::to_string(status.latency_p99_ms()) + " ms");
      cells.push_back(std::to_string(status.last_report_bytes()) + " B");
    }
    table.row(std::move(cells));
  }
  return table.format();
}

using Rows = std::map<uint64_t, std::vector<std::pair<size_t, const replica::v1::Connection*>>>;

Rows by_connection(const SubnetPanel& panel) {
  Rows out;
  for (size_t i = 0; i < panel.replicas.size(); ++i) {
    for (const auto& connection : panel.replicas[i].connections.connections()) {
      out[connection.connection_id()].emplace_back(panel.replicas[i].index, &connection);
    }
  }
  return out;
}

std::string format_connection(const Rows::value_type& row) {
  const auto& first = *row.second.front().second;
  std::string out = "connection " + std::to_string(row.first) + "  " + first.canister() + "  " +
                    mode_name(first.mode()) + "  " + first.state() +
                    (first.cause().empty() ? "" : " (" + first.cause() + ")") + "  " +
                    terminal_text(first.url(), kUrlWidth) + "\n";
  TextTable table;
  table.row({"replica", "epoch", "position", "entries", "messages", "gaps", "head", "socket", "unsettled"});
  for (const auto& [replica, connection] : row.second) {
    table.row({std::to_string(replica), std::to_string(connection->epoch()),
               std::to_string(connection->position()), std::to_string(connection->entries()),
               std::to_string(connection->messages()), std::to_string(connection->gaps()),
               short_hash(connection->head()), connection->socket(),
               std::to_string(connection->unsettled())});
  }
  return out + table.format("  ");
}

}  // namespace

std::string format_panel(const SubnetPanel& panel) {
  std::string out = "chain " + panel.chain_id + "  height " + std::to_string(panel.engine.height.value) +
                    "  " + panel.engine.detail + "  refused " + std::to_string(panel.engine.refused) +
                    "\n\n" + format_replicas(panel) + "\n";
  const Rows rows = by_connection(panel);
  size_t hidden = rows.size() > kConnectionsShown ? rows.size() - kConnectionsShown : 0;
  if (hidden > 0) out += std::to_string(hidden) + " older connections are not shown\n";
  for (const auto& row : rows) {
    if (hidden > 0) {
      --hidden;
    } else {
      out += format_connection(row);
    }
  }
  if (rows.empty()) out += "no connection yet\n";
  if (!panel.notices.empty()) out += "\n";
  for (const auto& notice : panel.notices) out += "* " + terminal_text(notice) + "\n";
  return out;
}

std::string format_summary(const SubnetPanel& panel) {
  uint64_t entries = 0;
  for (const auto& [id, views] : by_connection(panel)) entries += views.front().second->entries();
  return "height " + std::to_string(panel.engine.height.value) + ", " + std::to_string(panel.engine.live) +
         " of " + std::to_string(panel.replicas.size()) + " replicas live, " +
         std::to_string(by_connection(panel).size()) + " connections, " + std::to_string(entries) +
         " entries, " + std::to_string(panel.engine.refused) + " refused";
}

}  // namespace icws::tools
