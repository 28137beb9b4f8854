#include "agreement/settled_index.h"

namespace icws::agreement {

SettledIndex::SettledIndex(const std::deque<SettledBlock>& blocks, Height oldest_report) {
  for (const SettledBlock& block : blocks) {
    if (block.height < oldest_report) continue;
    for (const SettledContent& settled : block.contents) {
      const auto [number, fresh] = contents_.add(settled.content);
      if (fresh) newest_.push_back(kEnd);
      steps_.push_back(Step{block.height, settled.count, newest_[number]});
      newest_[number] = static_cast<uint32_t>(steps_.size() - 1);
    }
  }
}

uint32_t SettledIndex::since(uint32_t found, Height report) const {
  uint32_t count = 0;
  if (found >= newest_.size()) return count;
  for (uint32_t at = newest_[found]; at != kEnd && steps_[at].height >= report; at = steps_[at].previous) {
    count += steps_[at].count;
  }
  return count;
}

}  // namespace icws::agreement
