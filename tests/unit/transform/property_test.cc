// What holds for every JSON text, on texts from a seed.
#include <gtest/gtest.h>

#include "base/prng.h"
#include "tests/unit/transform/transformed.h"

namespace icws::transform {
namespace {

constexpr int kTexts = 3'000;

// Writes one value in two ways that must become the same: another order of members, other space, other
// escapes.
class TwinWriter {
 public:
  explicit TwinWriter(uint64_t seed) : prng_(seed) {}

  std::pair<Bytes, Bytes> value(int depth = 0) {
    switch (prng_.below(depth < 5 ? 7 : 4)) {
      case 0:
        return same(prng_.chance(1, 2) ? "null" : "true");
      case 1:
        return number();
      case 2:
      case 3:
        return string(prng_.below(12));
      case 4:
        return array(depth);
      default:
        return object(depth);
    }
  }

 private:
  static std::pair<Bytes, Bytes> same(const Bytes& text) { return {text, text}; }

  Bytes space() { return Bytes(prng_.below(3), " \t\r\n"[prng_.below(4)]); }

  std::pair<Bytes, Bytes> number() {
    const Bytes digits = std::to_string(prng_.next() >> prng_.below(64));
    switch (prng_.below(4)) {
      case 0:
        return {"-" + digits, "-" + digits};
      case 1:
        return same("0." + digits);
      case 2:
        return same(digits + "e" + std::to_string(static_cast<int>(prng_.below(700)) - 350));
      default:
        return same(digits.substr(0, 1) + "." + digits);
    }
  }

  std::pair<Bytes, Bytes> character() {
    static constexpr std::pair<const char*, const char*> kCharacters[] = {
        {"a", "\\u0061"},
        {"/", "\\/"},
        {"\\n", "\\u000A"},
        {"\\\"", "\\u0022"},
        {"\xc3\xb6", "\\u00f6"},
        {"\xe2\x82\xac", "\\u20AC"},
        {"\xef\xbf\xbf", "\\uffff"},
        {"\xf0\x9f\x98\x82", "\\ud83d\\uDE02"},
        {"\\u0000", "\\u0000"},
        {"\x7f", "\\u007f"}};
    auto [plain, escaped] = kCharacters[prng_.below(std::size(kCharacters))];
    if (prng_.chance(1, 2)) std::swap(plain, escaped);
    return {plain, escaped};
  }

  std::pair<Bytes, Bytes> string(uint64_t size) {
    std::pair<Bytes, Bytes> out = same("\"");
    for (uint64_t i = 0; i < size; ++i) {
      const auto [first, second] = character();
      out.first += first;
      out.second += second;
    }
    out.first += '"';
    out.second += '"';
    return out;
  }

  std::pair<Bytes, Bytes> array(int depth) {
    std::pair<Bytes, Bytes> out = same("[");
    for (uint64_t left = prng_.below(5); left > 0; --left) {
      const auto [first, second] = value(depth + 1);
      const char* const comma = left > 1 ? "," : "";
      out.first += space() + first + space() + comma;
      out.second += space() + second + space() + comma;
    }
    return {out.first + "]", out.second + "]"};
  }

  std::pair<Bytes, Bytes> object(int depth) {
    std::vector<Bytes> first;
    std::vector<Bytes> second;
    for (uint64_t i = prng_.below(9); i > 0; --i) {
      auto key = string(prng_.below(10));
      // A number in front makes keys differ; "k3" alone is what the pointers below name.
      if (prng_.chance(1, 2)) key = same("\"");
      const Bytes name = "\"k" + std::to_string(i) + (key.first.size() > 1 ? "-" : "");
      const auto [one, two] = value(depth + 1);
      const bool named = key.first.size() > 1;
      first.push_back(name + (named ? key.first.substr(1) : "\"") + space() + ":" + one);
      second.push_back(name + (named ? key.second.substr(1) : "\"") + ":" + space() + two);
    }
    for (size_t i = second.size(); i > 1; --i) std::swap(second[i - 1], second[prng_.below(i)]);
    return {"{" + joined(first) + "}", "{" + joined(second) + "}"};
  }

  Bytes joined(const std::vector<Bytes>& parts) {
    Bytes out;
    for (const Bytes& part : parts) {
      if (!out.empty()) out += "," + space();
      out += part;
    }
    return out;
  }

  Prng prng_;
};

std::vector<TransformSpec> specs() {
  TransformSpec mixed = keyed({"/k1", "/k2/k1", ""});
  mixed.drop_pointers = {"/k3", "/k1/k2", "/k2"};
  return {json_spec(), mixed, keeping({"/k1", "/k2/k1", "/k3/k2"}), keeping({"/none"})};
}

TEST(Properties, EqualValuesBecomeEqualBytes) {
  TwinWriter writer(1);
  for (int i = 0; i < kTexts; ++i) {
    const auto [first, second] = writer.value();
    ASSERT_TRUE(canonical(first).has_value()) << first;
    for (const TransformSpec& spec : specs())
      ASSERT_EQ(transformed(spec, first), transformed(spec, second)) << first;
  }
}

TEST(Properties, ApplyingTwiceIsApplyingOnce) {
  TwinWriter writer(2);
  for (int i = 0; i < kTexts; ++i) {
    const Bytes text = writer.value().first;
    for (const TransformSpec& spec : specs()) {
      const Delivered once = transformed(spec, text);
      ASSERT_EQ(transformed(spec, once.content).content, once.content) << text;
      ASSERT_EQ(once.key.empty() ? once.key : canonical(once.key), once.key) << text;
    }
  }
}

TEST(Properties, ACutTextIsNotJson) {
  TwinWriter writer(3);
  for (int i = 0; i < 300; ++i) {
    const Bytes text = "[" + writer.value().first + "]";
    for (size_t size = 0; size < text.size(); ++size) {
      ASSERT_EQ(canonical(BytesView(text).substr(0, size)), std::nullopt) << text;
    }
  }
}

}  // namespace
}  // namespace icws::transform
