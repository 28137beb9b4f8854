#include "replica/report_window.h"

#include <algorithm>

namespace icws::replica {
namespace {

const agreement::Section* find_section(const agreement::Report& report, ConnectionId connection) {
  const auto it = std::ranges::lower_bound(report.sections, connection, {}, &agreement::Section::connection);
  return it != report.sections.end() && it->connection == connection ? &*it : nullptr;
}

}  // namespace

void BlockReports::find_busy() {
  busy.clear();
  for (const Member& member : members) {
    for (const agreement::Section& section : member.report.sections) {
      if (!section.quiet()) busy.push_back(section.connection);
    }
  }
  std::ranges::sort(busy);
  const auto rest = std::ranges::unique(busy);
  busy.erase(rest.begin(), rest.end());
}

void ReportWindow::push(BlockReports block) { blocks_.push_back(std::move(block)); }

std::set<ConnectionId> ReportWindow::busy(Height height) const {
  std::set<ConnectionId> out;
  for (const BlockReports& block : blocks_) {
    if (block.height >= oldest_in_force(height)) out.insert(block.busy.begin(), block.busy.end());
  }
  return out;
}

agreement::View ReportWindow::view(ConnectionId connection, Epoch epoch,
                                   const std::vector<ReplicaIndex>& committee, Height height) const {
  agreement::View out(committee.size());
  for (auto block = blocks_.rbegin(); block != blocks_.rend(); ++block) {
    if (block->height < oldest_in_force(height)) break;
    for (const BlockReports::Member& member : block->members) {
      const auto place = std::ranges::lower_bound(committee, member.member);
      if (place == committee.end() || *place != member.member) continue;
      agreement::InForce& in_force = out[static_cast<size_t>(place - committee.begin())];
      if (in_force.section != nullptr) continue;
      const agreement::Section* section = find_section(member.report, connection);
      if (section == nullptr || section->epoch != epoch) continue;
      in_force = agreement::InForce{section, member.report.height};
    }
  }
  return out;
}

const StoredReport* ReportWindow::carrying(ReplicaIndex member, ConnectionId connection, Epoch epoch) const {
  for (auto block = blocks_.rbegin(); block != blocks_.rend(); ++block) {
    const auto report = std::ranges::find(block->members, member, &BlockReports::Member::member);
    if (report == block->members.end()) continue;
    const agreement::Section* section = find_section(report->report, connection);
    if (section == nullptr || section->epoch != epoch) continue;
    const auto stored = std::ranges::find(block->stored, member, &StoredReport::member);
    if (stored != block->stored.end()) return &*stored;
  }
  return nullptr;
}

Height ReportWindow::oldest_in_force(Height height) const {
  return Height(height.value >= blocks_in_force_ ? height.value - blocks_in_force_ + 1 : 0);
}

void ReportWindow::prune(Height height) {
  while (!blocks_.empty() && blocks_.front().height < oldest_in_force(height)) blocks_.pop_front();
}

}  // namespace icws::replica
