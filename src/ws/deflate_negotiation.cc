#include "ws/deflate_negotiation.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "ws/detail/extension_list.h"
#include "ws/detail/http_text.h"

namespace icws::ws {
namespace {

constexpr std::string_view kDeflate = "permessage-deflate";
constexpr std::string_view kServerNoContextTakeover = "server_no_context_takeover";
constexpr std::string_view kClientNoContextTakeover = "client_no_context_takeover";
constexpr std::string_view kServerMaxWindowBits = "server_max_window_bits";
constexpr std::string_view kClientMaxWindowBits = "client_max_window_bits";

using Parameter = detail::ExtensionParameter;
using Checked = std::expected<void, HandshakeFailure>;

std::unexpected<HandshakeFailure> failure(HandshakeError code, std::string message) {
  return std::unexpected(HandshakeFailure{code, std::move(message)});
}

std::unexpected<HandshakeFailure> bad_parameter(std::string_view name, std::string_view what) {
  return failure(HandshakeError::kExtensionParameter, "the server's parameter " + detail::quoted(name) +
                                                          " of permessage-deflate " + std::string(what));
}

// Decimal, without leading zeros.
std::optional<uint8_t> window_bits(const Parameter& parameter) {
  for (uint8_t bits = kWindowBitsMin; bits <= kWindowBitsMax; ++bits) {
    if (parameter.value == std::to_string(bits)) return bits;
  }
  return std::nullopt;
}

Checked take_flag(const Parameter& parameter, bool& flag) {
  if (parameter.value) return bad_parameter(parameter.name, "has a value and must have none");
  flag = true;
  return {};
}

Checked take_bits(const Parameter& parameter, uint8_t bits_max, uint8_t& out) {
  const auto bits = window_bits(parameter);
  if (!bits) return bad_parameter(parameter.name, "is not a number from 8 to 15");
  if (*bits > bits_max) return bad_parameter(parameter.name, "is larger than was offered");
  out = *bits;
  return {};
}

// The answer begins with what holds where it is silent.
Checked take_parameter(const Parameter& parameter, const DeflateOffer& offer, DeflateParameters& answer) {
  if (parameter.name == kServerNoContextTakeover)
    return take_flag(parameter, answer.server_no_context_takeover);
  if (parameter.name == kClientNoContextTakeover)
    return take_flag(parameter, answer.client_no_context_takeover);
  if (parameter.name == kServerMaxWindowBits) {
    return take_bits(parameter, offer.server_max_window_bits, answer.server_max_window_bits);
  }
  if (parameter.name == kClientMaxWindowBits) {
    if (!offer.client_max_window_bits) return bad_parameter(parameter.name, "was not offered");
    return take_bits(parameter, *offer.client_max_window_bits, answer.client_max_window_bits);
  }
  return bad_parameter(parameter.name, "is unknown");
}

bool contains(std::span<const Parameter> parameters, std::string_view name) {
  return std::ranges::any_of(parameters, [&](const Parameter& parameter) { return parameter.name == name; });
}

// A server accepts what it is asked for by saying so (RFC 7692, sections 7.1.1.1 and 7.1.2.1).
Checked check_acceptance(std::span<const Parameter> parameters, const DeflateOffer& offer) {
  if (offer.server_no_context_takeover && !contains(parameters, kServerNoContextTakeover)) {
    return bad_parameter(kServerNoContextTakeover, "is missing and was asked for");
  }
  if (offer.server_max_window_bits < kWindowBitsMax && !contains(parameters, kServerMaxWindowBits)) {
    return bad_parameter(kServerMaxWindowBits, "is missing and was asked for");
  }
  return {};
}

std::expected<DeflateParameters, HandshakeFailure> judge_parameters(std::span<const Parameter> parameters,
                                                                    const DeflateOffer& offer) {
  DeflateParameters answer;
  // Our own promises hold even if the server does not repeat them.
  answer.client_no_context_takeover = offer.client_no_context_takeover;
  answer.client_max_window_bits = offer.client_max_window_bits.value_or(kWindowBitsMax);
  // The first unknown or repeated name ends this, so that it looks at five parameters at most.
  for (size_t i = 0; i < parameters.size(); ++i) {
    const Parameter& parameter = parameters[i];
    if (contains(parameters.first(i), parameter.name)) return bad_parameter(parameter.name, "is there twice");
    if (auto taken = take_parameter(parameter, offer, answer); !taken) {
      return std::unexpected(std::move(taken.error()));
    }
  }
  if (auto checked = check_acceptance(parameters, offer); !checked) {
    return std::unexpected(std::move(checked.error()));
  }
  return answer;
}

}  // namespace

std::string offer_text(const DeflateOffer& offer) {
  std::string out(kDeflate);
  const auto add = [&out](std::string_view name) { out.append("; ").append(name); };
  if (offer.server_no_context_takeover) add(kServerNoContextTakeover);
  if (offer.client_no_context_takeover) add(kClientNoContextTakeover);
  if (offer.server_max_window_bits < kWindowBitsMax) {
    add(kServerMaxWindowBits);
    out += "=" + std::to_string(offer.server_max_window_bits);
  }
  if (offer.client_max_window_bits) {
    add(kClientMaxWindowBits);
    if (*offer.client_max_window_bits < kWindowBitsMax)
      out += "=" + std::to_string(*offer.client_max_window_bits);
  }
  return out;
}

std::expected<std::optional<DeflateParameters>, HandshakeFailure> judge_extensions(
    std::span<const BytesView> values, const std::optional<DeflateOffer>& offer) {
  std::vector<detail::Extension> extensions;
  for (const BytesView value : values) {
    if (detail::parse_extensions(value, extensions)) continue;
    return failure(
        HandshakeError::kExtensionSyntax,
        "the server's Sec-WebSocket-Extensions " + detail::quoted(value) + " does not follow its grammar");
  }
  for (const detail::Extension& extension : extensions) {
    if (offer && extension.name == kDeflate) continue;
    return failure(
        HandshakeError::kExtension,
        "the server uses the extension " + detail::quoted(extension.name) + ", which was not offered");
  }
  if (extensions.empty()) return std::nullopt;
  if (extensions.size() > 1) {
    return failure(HandshakeError::kExtensionTwice, "the server accepted permessage-deflate " +
                                                        std::to_string(extensions.size()) +
                                                        " times; once is allowed");
  }
  auto answer = judge_parameters(extensions[0].parameters, *offer);
  if (!answer) return std::unexpected(std::move(answer.error()));
  return *answer;
}

}  // namespace icws::ws
