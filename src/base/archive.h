// Canonical bytes for plain structs. One function per struct names its fields for both directions:
//
//   struct Point { uint32_t x, y; static void fields(auto& archive, auto& self) { archive(self.x, self.y); }
//   };
//
// Layout: integers and enums are base-128 varints, low group first, minimal length; bool is one byte 0 or 1;
// strings and vectors are a varint count and the elements; optional is a bool and the value; Digest is 32 raw
// bytes; times are varint milliseconds (never negative here); maps are sorted pairs. A value has exactly one
// encoding, and the reader refuses every other.
#pragma once

#include <array>
#include <chrono>
#include <concepts>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "base/bytes.h"
#include "base/hash.h"
#include "base/ids.h"
#include "base/varint.h"

namespace icws {

// Appends to its own buffer. Never fails.
class ArchiveWriter {
 public:
  template <class... T>
  void operator()(const T&... values) {
    (put(values), ...);
  }
  Bytes take() { return std::move(out_); }
  const Bytes& bytes() const { return out_; }

 private:
  void varint(uint64_t value) { append_varint(out_, value); }
  template <std::unsigned_integral T>
  void put(T value) {
    varint(value);
  }
  template <class T>
    requires std::is_enum_v<T>
  void put(T value) {
    varint(static_cast<std::underlying_type_t<T>>(value));
  }
  template <class Tag, class I>
  void put(StrongInteger<Tag, I> value) {
    varint(value.value);
  }
  void put(bool value) { out_.push_back(value ? 1 : 0); }
  void put(const Bytes& value) {
    varint(value.size());
    out_ += value;
  }
  void put(const Digest& value) { out_ += value.view(); }
  template <size_t N>
  void put(const std::array<uint8_t, N>& value) {
    out_.append(reinterpret_cast<const char*>(value.data()), N);
  }
  template <class C>
  void put(std::chrono::time_point<C, std::chrono::milliseconds> value) {
    varint(static_cast<uint64_t>(value.time_since_epoch().count()));
  }
  void put(std::chrono::milliseconds value) { varint(static_cast<uint64_t>(value.count())); }
  template <class T>
  void put(const std::optional<T>& value) {
    put(value.has_value());
    if (value) put(*value);
  }
  template <class T>
  void put(const std::vector<T>& values) {
    varint(values.size());
    for (const T& value : values) put(value);
  }
  template <class T>
  void put(const std::deque<T>& values) {
    varint(values.size());
    for (const T& value : values) put(value);
  }
  template <class K, class V>
  void put(const std::map<K, V>& values) {
    varint(values.size());
    for (const auto& [key, value] : values) (*this)(key, value);
  }
  template <class T>
    requires requires(ArchiveWriter& w, const T& t) { T::fields(w, t); }
  void put(const T& value) {
    T::fields(*this, value);
  }

  Bytes out_;
};

// Reads what ArchiveWriter wrote. After the first fault every read gives zeros and ok() stays false.
class ArchiveReader {
 public:
  explicit ArchiveReader(BytesView input) : input_(input) {}

  template <class... T>
  void operator()(T&... values) {
    (get(values), ...);
  }
  // No fault so far.
  bool ok() const { return ok_; }
  // No fault, and nothing is left over.
  bool finished() const { return ok_ && input_.empty(); }

 private:
  void fail() {
    ok_ = false;
    input_ = {};
  }
  uint64_t varint() {
    const auto value = take_varint(input_);
    if (!value) fail();
    return value.value_or(0);
  }
  BytesView take(uint64_t size) {
    if (size > input_.size()) return fail(), BytesView{};
    const BytesView out = input_.substr(0, size);
    input_.remove_prefix(size);
    return out;
  }
  // An element takes at least one byte, so a count over what is left is a fault and reserves nothing.
  uint64_t count() {
    const uint64_t n = varint();
    if (n > input_.size()) return fail(), 0;
    return n;
  }
  template <std::unsigned_integral T>
  void get(T& value) {
    const uint64_t v = varint();
    value = static_cast<T>(v);
    if (value != v) fail();
  }
  template <class T>
    requires std::is_enum_v<T>
  void get(T& value) {
    std::underlying_type_t<T> number{};
    get(number);
    value = static_cast<T>(number);
  }
  template <class Tag, class I>
  void get(StrongInteger<Tag, I>& value) {
    get(value.value);
  }
  void get(bool& value) {
    const BytesView byte = take(1);
    value = ok_ && byte[0] == 1;
    if (ok_ && static_cast<uint8_t>(byte[0]) > 1) fail();
  }
  void get(Bytes& value) { value = take(varint()); }
  void get(Digest& value) {
    const BytesView bytes = take(32);
    if (ok_) value = *Digest::from(bytes);
  }
  template <size_t N>
  void get(std::array<uint8_t, N>& value) {
    const BytesView bytes = take(N);
    if (ok_) std::memcpy(value.data(), bytes.data(), N);
  }
  template <class C>
  void get(std::chrono::time_point<C, std::chrono::milliseconds>& value) {
    std::chrono::milliseconds since{0};
    get(since);
    value = std::chrono::time_point<C, std::chrono::milliseconds>(since);
  }
  void get(std::chrono::milliseconds& value) {
    const uint64_t v = varint();
    if (v > static_cast<uint64_t>(INT64_MAX)) return fail();
    value = std::chrono::milliseconds(static_cast<int64_t>(v));
  }
  template <class T>
  void get(std::optional<T>& value) {
    bool there = false;
    get(there);
    value.reset();
    if (there) get(value.emplace());
  }
  template <class T>
  void get(std::vector<T>& values) {
    const uint64_t n = count();
    values.clear();
    for (uint64_t i = 0; i < n && ok_; ++i) get(values.emplace_back());
  }
  template <class T>
  void get(std::deque<T>& values) {
    const uint64_t n = count();
    values.clear();
    for (uint64_t i = 0; i < n && ok_; ++i) get(values.emplace_back());
  }
  template <class K, class V>
  void get(std::map<K, V>& values) {
    const uint64_t n = count();
    values.clear();
    for (uint64_t i = 0; i < n && ok_; ++i) {
      K key{};
      V value{};
      (*this)(key, value);
      if (!values.empty() && !(values.rbegin()->first < key)) return fail();
      values.emplace_hint(values.end(), std::move(key), std::move(value));
    }
  }
  template <class T>
    requires requires(ArchiveReader& r, T& t) { T::fields(r, t); }
  void get(T& value) {
    T::fields(*this, value);
  }

  BytesView input_;
  bool ok_ = true;
};

template <class T>
Bytes archive_encode(const T& value) {
  ArchiveWriter writer;
  writer(value);
  return writer.take();
}

// Empty unless `bytes` is exactly one canonical encoding of a T.
template <class T>
std::optional<T> archive_decode(BytesView bytes) {
  ArchiveReader reader(bytes);
  std::optional<T> value(std::in_place);
  reader(*value);
  if (!reader.finished()) return std::nullopt;
  return value;
}

}  // namespace icws
