#include "tests/support/capture.h"

#include <boost/json.hpp>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string_view>

namespace icws::support {
namespace {

// Seconds with a fraction to microseconds, exactly: a double would round the recordings' digits.
std::optional<int64_t> parse_seconds(std::string_view text) {
  const size_t point = text.find('.');
  const std::string_view whole = text.substr(0, point);
  std::string fraction(point == std::string_view::npos ? "" : text.substr(point + 1));
  fraction.resize(6, '0');
  int64_t seconds = 0;
  int64_t micros = 0;
  const auto parse = [](std::string_view digits, int64_t& out) {
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out);
    return error == std::errc() && end == digits.data() + digits.size() && out >= 0;
  };
  if (!parse(whole, seconds) || !parse(fraction, micros)) return std::nullopt;
  return seconds * 1'000'000 + micros;
}

bool is_json(std::string_view text) {
  boost::json::stream_parser parser;
  boost::json::error_code error;
  parser.write(text.data(), text.size(), error);
  if (!error) parser.finish(error);
  return !error;
}

enum class LineKind { kOpened, kSent, kReceived };

struct Line {
  LineKind kind;
  int64_t at_us;
  std::string_view text;
};

std::optional<Line> parse_line(std::string_view line) {
  static constexpr std::string_view kOpenedMark = " <-> ";
  static constexpr std::string_view kSentMark = " <- ";
  const bool has_url = line.starts_with("ws://") || line.starts_with("wss://");
  if (has_url) {
    if (const size_t mark = line.find(kOpenedMark); mark != std::string_view::npos) {
      const auto at = parse_seconds(line.substr(mark + kOpenedMark.size()));
      if (!at) return std::nullopt;
      return Line{LineKind::kOpened, *at, {}};
    }
    const size_t mark = line.find(kSentMark);
    if (mark == std::string_view::npos) return std::nullopt;
    line.remove_prefix(mark + kSentMark.size());
  }
  const size_t colon = line.find(": ");
  if (colon == std::string_view::npos) return std::nullopt;
  const auto at = parse_seconds(line.substr(0, colon));
  const std::string_view text = line.substr(colon + 2);
  if (!at || !is_json(text)) return std::nullopt;
  return Line{has_url ? LineKind::kSent : LineKind::kReceived, *at, text};
}

}  // namespace

RecordedStream parse_capture(BytesView contents) {
  RecordedStream stream;
  std::optional<int64_t> opened_us;
  int64_t latest_us = 0;
  while (!contents.empty()) {
    const size_t end = contents.find('\n');
    const auto line = parse_line(contents.substr(0, end));
    contents.remove_prefix(end == BytesView::npos ? contents.size() : end + 1);
    if (!line) continue;
    if (!opened_us) opened_us = line->at_us;
    if (line->kind == LineKind::kSent) stream.subscriptions.emplace_back(line->text);
    if (line->kind != LineKind::kReceived) continue;
    latest_us = std::max(latest_us, line->at_us - *opened_us);
    stream.messages.push_back({latest_us, Bytes(line->text)});
  }
  return stream;
}

std::expected<RecordedStream, std::string> read_capture(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::ostringstream contents;
  contents << in.rdbuf();
  if (!in || contents.fail()) return std::unexpected("cannot read " + file.string());
  return parse_capture(contents.view());
}

std::vector<RecordedStream> read_captures(const std::filesystem::path& folder, const std::string& name) {
  std::vector<RecordedStream> streams;
  while (true) {
    const auto file = folder / (name + "-" + std::to_string(streams.size() + 1) + ".capture");
    if (!std::filesystem::exists(file)) return streams;
    auto stream = read_capture(file);
    if (!stream) return streams;
    streams.push_back(std::move(*stream));
  }
}

std::optional<std::filesystem::path> find_captures() {
  const char* named = std::getenv("ICWS_CAPTURES");
  const char* source = std::getenv("ICWS_SOURCE");
  const std::filesystem::path folder =
      named != nullptr
          ? std::filesystem::path(named)
          : std::filesystem::path(source != nullptr ? source : ICWS_SOURCE_FOLDER) / "../shared/feeds";
  std::error_code error;
  if (!std::filesystem::exists(folder / "hitbtc-1.capture", error)) return std::nullopt;
  return folder.lexically_normal();
}

}  // namespace icws::support
