#include "adapter/json_keys.h"

#include <algorithm>
#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <cstdint>
#include <map>
#include <utility>

namespace icws::adapter {
namespace {

namespace json = boost::json;
using Error = json::error_code;
using Text = json::string_view;

// Names of settings and of their members; anything else is quoted.
bool plain(std::string_view name) {
  return !name.empty() && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
}

// What Boost.JSON's parser tells, in the shape that it asks for. Nothing is refused here, and so everything
// returns true.
class KeyWatcher {
 public:
  static constexpr size_t max_object_size = SIZE_MAX;
  static constexpr size_t max_array_size = SIZE_MAX;
  static constexpr size_t max_key_size = SIZE_MAX;
  static constexpr size_t max_string_size = SIZE_MAX;

  void begin_line() { ++line_; }
  std::vector<std::string> take_faults() { return std::move(faults_); }

  bool on_document_begin(Error&) { return true; }
  bool on_document_end(Error&) { return true; }
  bool on_object_begin(Error&) { return begin(false); }
  bool on_object_end(size_t, Error&) { return end(); }
  bool on_array_begin(Error&) { return begin(true); }
  bool on_array_end(size_t, Error&) { return end(); }
  bool on_key_part(Text text, size_t, Error&) {
    key_ += text;
    return true;
  }
  bool on_key(Text text, size_t, Error&) {
    key_ += text;
    take_key(std::exchange(key_, {}));
    return true;
  }
  bool on_string_part(Text, size_t, Error&) { return true; }
  bool on_string(Text, size_t, Error&) { return value(); }
  bool on_number_part(Text, Error&) { return true; }
  bool on_int64(int64_t, Text, Error&) { return value(); }
  bool on_uint64(uint64_t, Text, Error&) { return value(); }
  bool on_double(double, Text, Error&) { return value(); }
  bool on_bool(bool, Error&) { return value(); }
  bool on_null(Error&) { return value(); }
  bool on_comment_part(Text, Error&) { return true; }
  bool on_comment(Text, Error&) { return true; }

 private:
  // An object or a list that has begun and not ended.
  struct Level {
    bool list = false;
    // Of a list: the entry that comes or has begun.
    size_t index = 0;
    // Of an object: the newest key, and where each stood first.
    std::string key{};
    std::map<std::string, size_t> lines{};
  };

  bool begin(bool list) {
    levels_.push_back({list});
    return true;
  }
  bool end() {
    levels_.pop_back();
    return value();
  }
  // A value is over.
  bool value() {
    if (!levels_.empty() && levels_.back().list) ++levels_.back().index;
    return true;
  }

  void take_key(std::string key) {
    auto& level = levels_.back();
    level.key = std::move(key);
    const auto [first, fresh] = level.lines.emplace(level.key, line_);
    if (fresh) return;
    faults_.push_back(path() + ": again on line " + std::to_string(line_) + "; it stands on line " +
                      std::to_string(first->second) + " already");
  }

  std::string path() const {
    std::string out;
    for (const auto& level : levels_) {
      if (level.list) {
        out += "[" + std::to_string(level.index) + "]";
      } else {
        out += (out.empty() ? "" : ".") + (plain(level.key) ? level.key : quoted(level.key));
      }
    }
    return out;
  }

  size_t line_ = 0;
  std::string key_;
  std::vector<Level> levels_;
  std::vector<std::string> faults_;
};

}  // namespace

std::string quoted(std::string_view text) {
  constexpr size_t kShown = 60;
  return json::serialize(json::value(text.substr(0, kShown)));
}

// Line by line, since the parser does not tell where it is. No key is cut: a string has no raw line end.
std::vector<std::string> repeated_keys(std::string_view text, const json::parse_options& options) {
  json::basic_parser<KeyWatcher> parser(options);
  Error error;
  while (!text.empty()) {
    const auto line = text.substr(0, std::min(text.find('\n'), text.size() - 1) + 1);
    parser.handler().begin_line();
    if (parser.write_some(true, line.data(), line.size(), error) < line.size() || error) break;
    text.remove_prefix(line.size());
  }
  return parser.handler().take_faults();
}

}  // namespace icws::adapter
