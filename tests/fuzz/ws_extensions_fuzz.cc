// The judgement of Sec-WebSocket-Extensions on any bytes: no crash, and what it takes lies within what was
// offered. The first byte of the input chooses the offer, a newline ends one field and begins the next.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "ws/deflate_negotiation.h"

namespace {

using icws::BytesView;
using icws::ws::DeflateOffer;
using icws::ws::DeflateParameters;

void require(bool condition) {
  if (!condition) std::abort();
}

std::optional<DeflateOffer> choose_offer(uint8_t choice) {
  if (choice == 0) return std::nullopt;
  const std::optional<uint8_t> client_bits = (choice & 8) != 0 ? 11 : 15;
  return DeflateOffer{.server_no_context_takeover = (choice & 1) != 0,
                      .client_no_context_takeover = (choice & 2) != 0,
                      .server_max_window_bits = static_cast<uint8_t>((choice & 4) != 0 ? 10 : 15),
                      .client_max_window_bits = (choice & 16) != 0 ? std::nullopt : client_bits};
}

std::vector<BytesView> split(BytesView text) {
  std::vector<BytesView> out;
  while (true) {
    const size_t end = std::min(text.find('\n'), text.size());
    out.push_back(text.substr(0, end));
    if (end == text.size()) return out;
    text.remove_prefix(end + 1);
  }
}

void check_agreement(const DeflateParameters& agreed, const std::optional<DeflateOffer>& offer) {
  require(offer.has_value());
  require(agreed.server_no_context_takeover || !offer->server_no_context_takeover);
  require(agreed.client_no_context_takeover || !offer->client_no_context_takeover);
  require(agreed.server_max_window_bits >= 8 &&
          agreed.server_max_window_bits <= offer->server_max_window_bits);
  require(agreed.client_max_window_bits >= 8 &&
          agreed.client_max_window_bits <= offer->client_max_window_bits.value_or(15));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const auto offer = choose_offer(data[0]);
  const auto values = split({reinterpret_cast<const char*>(data) + 1, size - 1});
  const auto judged = icws::ws::judge_extensions(values, offer);
  if (!judged) {
    require(!judged.error().message.empty() && judged.error().message.size() <= 300);
    for (const char c : judged.error().message) require(c >= ' ' && c <= '~');
  } else if (judged->has_value()) {
    check_agreement(**judged, offer);
  }
  return 0;
}
