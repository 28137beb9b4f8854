#include "transcript/parts.h"

namespace icws::transcript {
namespace {

// Bytes of a character of UTF-8 beside its first one.
constexpr uint64_t kFollowingBytesMax = 3;

bool follows(char byte) { return (static_cast<uint8_t>(byte) & 0xc0) == 0x80; }

}  // namespace

std::vector<BytesView> cut_parts(ContentKind kind, BytesView content, uint64_t part_bytes) {
  std::vector<BytesView> out;
  while (content.size() > part_bytes) {
    uint64_t end = part_bytes;
    if (kind == ContentKind::Text) {
      while (end + kFollowingBytesMax > part_bytes && follows(content[end])) --end;
      // No character is as long as that: it is no UTF-8, and no place is better than another.
      if (follows(content[end])) end = part_bytes;
    }
    out.push_back(content.substr(0, end));
    content.remove_prefix(end);
  }
  out.push_back(content);
  return out;
}

uint64_t parts_bound(uint64_t bytes, uint64_t part_bytes) {
  if (bytes <= part_bytes) return 1;
  const uint64_t least = part_bytes - kFollowingBytesMax;
  return (bytes + least - 1) / least;
}

}  // namespace icws::transcript
