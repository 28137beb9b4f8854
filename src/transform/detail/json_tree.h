// A parsed JSON text: flat arrays, reused from message to message.
#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.h"

namespace icws::transform::detail {

enum class JsonKind : uint8_t { Null, False, True, Number, String, Array, Object };

// What the pointers say about a value; a set of bits.
enum Mark : uint8_t { kDropped = 1, kKept = 2, kOnTheWay = 4 };

// One value or one object key. The nodes lie in the order of the text: a container's content begins behind
// it and goes up to `end`, an object's is key, value, key, value.
struct JsonNode {
  const char* text = nullptr;  // a number's token; a string without quotes and escapes
  uint32_t size = 0;           // of `text`; of an object: its members
  uint32_t end = 0;            // index of the first node behind this value
  uint32_t first_member = 0;   // of an object: index into JsonTree::members
  JsonKind kind = JsonKind::Null;
  bool verbatim = false;  // a string that the message holds in this form, between quotes
  uint8_t marks = 0;

  BytesView view() const { return {text, size}; }
};

// What: the nodes of one message; node 0 is the root. Ownership: texts point into the message or into
// `unescaped`; both must outlive the nodes' use. Copying would leave them behind.
struct JsonTree {
  struct Member {
    uint64_t prefix = 0;
    uint32_t key = 0;
  };

  std::vector<JsonNode> nodes;
  std::vector<uint32_t> members;     // key nodes, in canonical order within each object
  std::vector<Member> open_members;  // of objects that are still being read
  Bytes unescaped;  // never grows while a text is read: an escape is longer than its character

  JsonTree() = default;
  JsonTree(const JsonTree&) = delete;
  JsonTree& operator=(const JsonTree&) = delete;

  void clear() {
    nodes.clear();
    members.clear();
    open_members.clear();
  }

  // One large message must not hold its memory for the connection's life.
  void release_excess() {
    if (nodes.capacity() > kNodesKept) std::vector<JsonNode>().swap(nodes);
    if (members.capacity() > kNodesKept) std::vector<uint32_t>().swap(members);
    if (open_members.capacity() > kNodesKept) std::vector<Member>().swap(open_members);
    if (unescaped.capacity() > kBytesKept) Bytes().swap(unescaped);
  }

 private:
  static constexpr size_t kNodesKept = 4'096;
  static constexpr size_t kBytesKept = 65'536;
};

}  // namespace icws::transform::detail
