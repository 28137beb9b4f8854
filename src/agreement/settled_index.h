// What the last blocks settled of a feed, by content.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "agreement/interner.h"
#include "agreement/observation.h"
#include "base/ids.h"

namespace icws::agreement {

// Copies of one content that a block settled.
struct SettledContent {
  ContentId content;
  uint32_t count = 0;
  static void fields(auto& archive, auto& self) { archive(self.content, self.count); }
};

struct SettledBlock {
  Height height;
  std::vector<SettledContent> contents;
  static void fields(auto& archive, auto& self) { archive(self.height, self.contents); }
};

// What: settled copies of the last blocks by content, for many look-ups. Thread-safety: const after
// construction. Ownership: a value; keeps nothing of the blocks.
class SettledIndex {
 public:
  // `blocks`: oldest first. Only those are looked at that a report of height `oldest_report` did not know: in
  // a healthy committee one or two of them.
  explicit SettledIndex(const std::deque<SettledBlock>& blocks, Height oldest_report = Height(0));

  // A number for since(), or none().
  uint32_t find(const ContentId& content) const { return contents_.find(content); }
  uint32_t none() const { return static_cast<uint32_t>(contents_.size()); }
  // Settled copies in the blocks that a report of height `report` did not know: report .. now.
  uint32_t since(uint32_t found, Height report) const;
  uint32_t since(const ContentId& content, Height report) const { return since(find(content), report); }

 private:
  static constexpr uint32_t kEnd = UINT32_MAX;
  struct Step {
    Height height;
    uint32_t count;
    // Place in steps_ of the same content in an earlier block.
    uint32_t previous;
  };
  Interner<ContentId> contents_;
  // By number of the content: its newest step.
  std::vector<uint32_t> newest_;
  std::vector<Step> steps_;
};

}  // namespace icws::agreement
