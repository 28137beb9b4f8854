// Protobuf's binary format in its one canonical encoding: fields in order of their numbers, minimal varints,
// no default values, nothing unknown. What a reader accepts encodes to the same bytes again, so nobody has to
// try.
//
// A message is read by asking for its fields in ascending order; whatever is out of order, repeated, unknown,
// a default or padded is then still there at the end, and `done` is false:
//
//   ProtoReader in(bytes);
//   out.member = in.u32(1);
//   out.report = in.bytes(2);
//   if (!in.done()) return std::nullopt;
//
// Field numbers are 1 to 2^28. Source: protobuf's "Encoding" and "Proto serialization is not canonical"
// pages, for varints, booleans, enums and length-delimited fields, which is all that is used here.
#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "base/varint.h"

namespace icws {

// What: see above. Thread-safety: none. Ownership: views bytes, which must outlive it and what it gives.
// Errors: a fault is remembered, everything after it is absent, and `done` is false for good.
class ProtoReader {
 public:
  // Of bytes that must not be more than protobuf takes: 2^31 - 1.
  explicit ProtoReader(BytesView bytes) : rest_(bytes) {
    if (bytes.size() > INT32_MAX) fail();
  }

  // Absent: 0.
  uint64_t u64(uint32_t field) { return takes(field, kVarint) ? value(UINT64_MAX) : 0; }
  uint32_t u32(uint32_t field) {
    return takes(field, kVarint) ? static_cast<uint32_t>(value(UINT32_MAX)) : 0;
  }
  // Open enums are 32 bits, with their sign extended to 64.
  int32_t enumeration(uint32_t field) {
    if (!takes(field, kVarint)) return 0;
    const auto wide = static_cast<int64_t>(value(UINT64_MAX));
    if (wide < INT32_MIN || wide > INT32_MAX) fail();
    return static_cast<int32_t>(wide);
  }
  bool boolean(uint32_t field) { return takes(field, kVarint) && value(1) == 1; }
  // Absent: empty.
  BytesView bytes(uint32_t field) {
    if (!takes(field, kLengthDelimited)) return {};
    const BytesView out = sized();
    if (out.empty()) fail();
    return out;
  }
  // The next one of a repeated field of messages; each may be empty. Empty optional: no more.
  std::optional<BytesView> next_message(uint32_t field) {
    if (!takes(field, kLengthDelimited)) return std::nullopt;
    const BytesView out = sized();
    return good_ ? std::optional(out) : std::nullopt;
  }
  // How many more next_message would give, for reserving: an upper bound.
  size_t messages_left(uint32_t field) const {
    ProtoReader ahead = *this;
    size_t count = 0;
    while (ahead.next_message(field)) ++count;
    return count;
  }
  // Everything was read, and nothing was wrong.
  bool done() const { return good_ && rest_.empty(); }
  bool good() const { return good_; }

 private:
  static constexpr uint32_t kVarint = 0;
  static constexpr uint32_t kLengthDelimited = 2;

  void fail() {
    good_ = false;
    rest_ = {};
  }
  // 0 after a fault.
  uint64_t varint() {
    const auto value = take_varint(rest_);
    if (!value) fail();
    return value.value_or(0);
  }
  // Removes the tag if this field is next.
  bool takes(uint32_t field, uint32_t type) {
    if (rest_.empty()) return false;
    const uint64_t tag = uint64_t{field} << 3 | type;
    if (tag < 0x80) {
      if (static_cast<uint8_t>(rest_.front()) != tag) return false;
      rest_.remove_prefix(1);
      return true;
    }
    const BytesView before = rest_;
    if (varint() == tag) return true;
    if (good_) rest_ = before;
    return false;
  }
  // Of a field that is there: no default.
  uint64_t value(uint64_t max) {
    const uint64_t out = varint();
    if (out == 0 || out > max) fail();
    return good_ ? out : 0;
  }
  BytesView sized() {
    const uint64_t size = varint();
    if (!good_ || size > rest_.size()) {
      fail();
      return {};
    }
    const BytesView out = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return out;
  }

  BytesView rest_;
  bool good_ = true;
};

// What: appends fields, which the caller gives in ascending order, to a buffer of the caller's. Never fails.
class ProtoWriter {
 public:
  explicit ProtoWriter(Bytes& out) : out_(out) {}

  // Defaults are left out.
  void u64(uint32_t field, uint64_t value) {
    if (value == 0) return;
    varint(uint64_t{field} << 3);
    varint(value);
  }
  void boolean(uint32_t field, bool value) { u64(field, value ? 1 : 0); }
  void bytes(uint32_t field, BytesView value) {
    if (!value.empty()) message(field, value);
  }
  // Of a repeated field: an empty one is written, too.
  void message(uint32_t field, BytesView encoded) {
    varint(uint64_t{field} << 3 | 2);
    varint(encoded.size());
    out_ += encoded;
  }

 private:
  void varint(uint64_t value) { append_varint(out_, value); }

  Bytes& out_;
};

}  // namespace icws
