// The answer to the handshake on any bytes: the head's limits hold, the chunks do not matter, and what is
// taken for an upgrade is one. The first byte chooses the chunks, the second what was offered; the rest is
// what a server sent.
#include <cstdint>
#include <cstdlib>
#include <optional>

#include "adapter/upgrade.h"

namespace {

using icws::Bytes;
using icws::BytesView;
using icws::adapter::ResponseHead;

// Small, so that a fuzzer reaches them.
constexpr icws::adapter::ResponseLimits kLimits{
    .line_bytes_max = 200, .lines_max = 12, .header_bytes_max = 600};

void require(bool condition) {
  if (!condition) std::abort();
}

// The key of RFC 6455, section 1.3: the corpus has its answer.
icws::ws::UpgradeRequest request(bool with_subprotocol) {
  icws::ws::UpgradeRequest out;
  out.target = "/";
  out.host_header = "localhost";
  out.key = "dGhlIHNhbXBsZSBub25jZQ==";
  if (with_subprotocol) out.subprotocols = {"chat", "superchat"};
  return out;
}

// The whole head, or nothing: it was refused, or is not at its end.
std::optional<Bytes> collect(BytesView stream, size_t chunk_bytes) {
  ResponseHead head(kLimits);
  while (!stream.empty() && !head.done()) {
    const BytesView chunk = stream.substr(0, chunk_bytes);
    const auto used = head.feed(chunk);
    if (!used) return std::nullopt;
    require(*used == chunk.size() || (head.done() && *used <= chunk.size()));
    require(head.text().size() <= kLimits.header_bytes_max);
    stream.remove_prefix(*used);
  }
  if (!head.done()) return std::nullopt;
  return Bytes(head.text());
}

bool contains(BytesView text, BytesView part) { return text.find(part) != BytesView::npos; }

void judge(BytesView head, const icws::ws::UpgradeRequest& request) {
  const auto upgraded = icws::adapter::judge_response(head, request, {"x-wanted"});
  if (!upgraded) {
    require(upgraded.error().cause == icws::transcript::Cause::Handshake && !upgraded.error().transient);
    require(!upgraded.error().detail.empty() && upgraded.error().detail.size() <= 400);
    for (const char c : upgraded.error().detail) require(c >= ' ' && c <= '~');
    return;
  }
  require(head.starts_with("HTTP/1.1 101") && contains(head, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
  require(upgraded->leftover.empty() && !upgraded->deflate);
  const auto& chosen = upgraded->subprotocol;
  require(chosen.empty() || (!request.subprotocols.empty() && (chosen == "chat" || chosen == "superchat")));
  for (const auto& header : upgraded->headers) {
    require(header.name == "x-wanted" && header.value.find_first_of("\r\n") == std::string::npos);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const BytesView stream(reinterpret_cast<const char*>(data) + 2, size - 2);
  const auto asked = request((data[1] & 1) != 0);
  const auto whole = collect(stream, SIZE_MAX);
  require(collect(stream, 1 + data[0]) == whole);
  if (whole) judge(*whole, asked);
  return 0;
}
