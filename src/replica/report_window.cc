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
    for (const agreement::Section& section : member.report->sections) {
      if (!section.quiet()) busy.push_back(section.connection);
    }
  }
  std::ranges::sort(busy);
  const auto rest = std::ranges::unique(busy);
  busy.erase(rest.begin(), rest.end());
}

// The reports are sorted by connection: merges them, a connection at a time.
SectionIndex::SectionIndex(const std::vector<BlockReports::Member>& members) {
  std::vector<std::span<const agreement::Section>> left;
  size_t sections = 0;
  for (const BlockReports::Member& member : members) {
    left.emplace_back(member.report->sections);
    sections += left.back().size();
  }
  lines_.reserve(sections);
  while (lines_.size() < sections) {
    ConnectionId least(UINT64_MAX);
    for (const auto& rest : left) {
      if (!rest.empty()) least = std::min(least, rest.front().connection);
    }
    Row row{least, lines_.size(), 0};
    for (size_t i = 0; i < left.size(); ++i) {
      if (left[i].empty() || left[i].front().connection != least) continue;
      lines_.push_back(Line{members[i].member, members[i].report->height, &left[i].front()});
      left[i] = left[i].subspan(1);
    }
    row.end = lines_.size();
    rows_.push_back(row);
  }
}

std::span<const SectionIndex::Line> SectionIndex::of(ConnectionId connection) const {
  const auto row = std::ranges::lower_bound(rows_, connection, {}, &Row::connection);
  if (row == rows_.end() || row->connection != connection) return {};
  return std::span(lines_).subspan(row->begin, row->end - row->begin);
}

void ReportWindow::push(BlockReports block) {
  indices_.emplace_back(block.members);
  blocks_.push_back(std::move(block));
}

void ReportWindow::decode(const std::function<void(BlockReports&)>& decode) {
  for (size_t i = 0; i < blocks_.size(); ++i) {
    decode(blocks_[i]);
    indices_[i] = SectionIndex(blocks_[i].members);
  }
}

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
  size_t missing = committee.size();
  for (size_t i = blocks_.size(); i-- > 0 && missing > 0;) {
    if (blocks_[i].height < oldest_in_force(height)) break;
    for (const SectionIndex::Line& line : indices_[i].of(connection)) {
      if (line.section->epoch != epoch) continue;
      const auto place = std::ranges::lower_bound(committee, line.member);
      if (place == committee.end() || *place != line.member) continue;
      agreement::InForce& in_force = out[static_cast<size_t>(place - committee.begin())];
      if (in_force.section != nullptr) continue;
      in_force = agreement::InForce{line.section, line.report};
      --missing;
    }
  }
  return out;
}

const StoredReport* ReportWindow::carrying(ReplicaIndex member, ConnectionId connection, Epoch epoch) const {
  for (auto block = blocks_.rbegin(); block != blocks_.rend(); ++block) {
    const auto report = std::ranges::find(block->members, member, &BlockReports::Member::member);
    if (report == block->members.end()) continue;
    const agreement::Section* section = find_section(*report->report, connection);
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
  while (!blocks_.empty() && blocks_.front().height < oldest_in_force(height)) {
    blocks_.pop_front();
    indices_.pop_front();
  }
}

}  // namespace icws::replica
