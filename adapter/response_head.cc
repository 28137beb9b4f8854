// The part of the handshake without I/O: limits, and Beast's parser behind them.
#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>

#include "adapter/upgrade.h"

namespace icws::adapter {
namespace {

namespace http = boost::beast::http;
using transcript::Cause;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

std::string lower(BytesView text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) { return lower(c); });
  return out;
}

BytesView view(const boost::beast::string_view& text) { return {text.data(), text.size()}; }

}  // namespace

std::optional<std::string> ResponseHead::fault() const {
  const size_t compared = std::min(text_.size(), limits_.begins.size());
  if (text_.compare(0, compared, limits_.begins.substr(0, compared)) != 0) {
    return "the server's answer is not HTTP/1.1";
  }
  if (text_.size() - line_begin_ > limits_.line_bytes_max) {
    return "a line of the server's answer has more than " + std::to_string(limits_.line_bytes_max) + " bytes";
  }
  if (lines_ > limits_.lines_max) {
    return "the server's answer has more than " + std::to_string(limits_.lines_max) + " header lines";
  }
  if (text_.size() > limits_.header_bytes_max) {
    return "the header of the server's answer has more than " + std::to_string(limits_.header_bytes_max) +
           " bytes";
  }
  return std::nullopt;
}

std::expected<size_t, std::string> ResponseHead::feed(BytesView input) {
  for (size_t used = 0; used < input.size();) {
    const size_t newline = input.find('\n', used);
    const size_t end = newline == BytesView::npos ? input.size() : newline + 1;
    text_.append(input.substr(used, end - used));
    used = end;
    if (auto found = fault()) return std::unexpected(std::move(*found));
    if (newline == BytesView::npos) break;
    const BytesView line = BytesView(text_).substr(line_begin_);
    if (line == "\r\n" || line == "\n") {
      done_ = true;
      return used;
    }
    line_begin_ = text_.size();
    ++lines_;
  }
  return input.size();
}

std::expected<Upgraded, Failure> judge_response(BytesView head, const ws::UpgradeRequest& request,
                                                const std::vector<std::string>& wanted) {
  http::response_parser<http::empty_body> parser;
  parser.header_limit(static_cast<uint32_t>(head.size() + 1));
  parser.skip(true);
  boost::system::error_code error;
  parser.put(boost::asio::buffer(head.data(), head.size()), error);
  if (error || !parser.is_header_done()) {
    return std::unexpected(
        Failure{Cause::Handshake, "the server's answer is not HTTP/1.1: " + error.message(), false});
  }
  Upgraded out;
  std::vector<ws::HeaderView> fields;
  for (const auto& field : parser.get()) {
    fields.push_back({view(field.name_string()), view(field.value())});
    auto name = lower(fields.back().name);
    if (std::ranges::find(wanted, name) != wanted.end()) {
      out.headers.push_back({std::move(name), std::string(fields.back().value)});
    }
  }
  auto checked = ws::check_response(parser.get().result_int(), fields, request);
  if (!checked) return std::unexpected(Failure{Cause::Handshake, checked.error().message, false});
  out.subprotocol = std::move(checked->subprotocol);
  out.deflate = checked->deflate;
  return out;
}

}  // namespace icws::adapter
