#include "replica/open_check.h"

#include <algorithm>
#include <cctype>

#include "transcript/parts.h"
#include "ws/request_headers.h"
#include "ws/url.h"
#include "ws/utf8.h"

namespace icws::replica {
namespace {

constexpr size_t kResponseHeadersMax = 16;
constexpr size_t kCloseReasonBytesMax = 123;
constexpr Milliseconds kOpenTimeoutMin{1'000};
constexpr Milliseconds kOpenTimeoutMax{300'000};
// Of observations: blocks come about as often, and silence of hours is no reading.
constexpr Milliseconds kIntervalMin{100};
constexpr Milliseconds kIntervalMax{3'600'000};
// Of an owner: several blocks, of which some may be lost, must lie in a quarter of it.
constexpr Milliseconds kTermTimeoutMin{2'000};
constexpr Milliseconds kTermTimeoutMax{300'000};
// Reports are in force for some blocks: values must live longer.
constexpr Milliseconds kAgeMaxMin{1'000};

std::unexpected<Reject> invalid(std::string message) {
  return std::unexpected(Reject{RejectCode::InvalidArgument, std::move(message)});
}

std::expected<void, Reject> check_request(const OpenArguments& arguments) {
  if (const auto url = ws::parse_url(arguments.url); !url) return invalid("url: " + url.error().message);
  std::vector<ws::HeaderField> headers;
  for (const Header& header : arguments.headers) headers.push_back({header.name, header.value});
  if (const auto checked = ws::check_headers(headers); !checked) return invalid(checked.error().message);
  // The canister's interface and the adapter's have text. gRPC would refuse the whole request, which is no
  // event of its socket, but ends the stream that all sockets share.
  const auto other = std::ranges::find_if_not(headers, &ws::utf8_valid, &ws::HeaderField::value);
  if (other != headers.end()) {
    return invalid("header " + std::to_string(other - headers.begin() + 1) + ": the value must be UTF-8");
  }
  if (const auto checked = ws::check_subprotocols(arguments.subprotocols); !checked) {
    return invalid(checked.error().message);
  }
  if (arguments.response_headers.size() > kResponseHeadersMax) {
    return invalid("response_headers: at most 16 names");
  }
  for (const std::string& name : arguments.response_headers) {
    const bool lower =
        std::ranges::none_of(name, [](unsigned char c) { return c <= ' ' || c > '~' || std::isupper(c); });
    if (name.empty() || name.size() > 256 || !lower) {
      return invalid("response_headers: give each name in lower case, 1 to 256 visible characters");
    }
  }
  return {};
}

std::expected<void, Reject> check_script(const OpenArguments& arguments, const ClusterParams& params) {
  if (arguments.script.size() > params.script_messages_max) {
    return invalid("script: at most " + std::to_string(params.script_messages_max) + " messages");
  }
  uint64_t bytes = 0;
  for (size_t i = 0; i < arguments.script.size(); ++i) {
    const OutgoingMessage& message = arguments.script[i];
    if (const auto checked = check_send(message.kind, message.content, params); !checked) {
      return invalid("script: message " + std::to_string(i + 1) + ": " + checked.error().message);
    }
    bytes += message.content.size();
  }
  if (bytes > params.script_bytes_max) {
    return invalid("script: at most " + std::to_string(params.script_bytes_max) + " bytes together");
  }
  return {};
}

std::expected<void, Reject> check_observations(const OpenArguments& arguments, agreement::Quorum quorum) {
  if (arguments.observations.has_value() != (arguments.mode == Mode::Observations)) {
    return invalid("observations: these settings go with mode observations, and it with them");
  }
  if (!arguments.observations) return {};
  const ObservationsSettings& settings = *arguments.observations;
  const bool median = settings.deliver == Deliver::Median;
  if (!median && settings.deliver != Deliver::All) return invalid("observations: deliver all or the median");
  // The canister's own transform gives key and value itself.
  const bool own = !arguments.transform.method.empty();
  if (arguments.transform.key_pointers.empty() && !own) {
    return invalid("transform.key_pointers: mode observations reads one value of each key; say where it is");
  }
  if (median && !arguments.transform.value_pointer && !own) {
    return invalid("transform.value_pointer: the median needs a number; say where it is");
  }
  const uint32_t lowest = agreement::min_responses_lowest(settings.deliver, quorum);
  if (settings.min_responses < lowest || settings.min_responses > quorum.q()) {
    return invalid("observations.min_responses: must be " + std::to_string(lowest) + " to " +
                   std::to_string(quorum.q()) + ": fewer could be liars, more could be missing for ever");
  }
  if (settings.interval < kIntervalMin || settings.interval > kIntervalMax) {
    return invalid("observations.interval: must be 100 to 3,600,000 milliseconds");
  }
  if (settings.age_max < kAgeMaxMin || settings.age_max > agreement::kValueAgeMax) {
    return invalid("observations.age_max: must be 1,000 to 86,400,000 milliseconds");
  }
  return {};
}

std::expected<void, Reject> check_own_transform(const TransformRequest& request) {
  if (request.method.empty()) {
    if (request.context.empty()) return {};
    return invalid("transform.context: only with transform.method");
  }
  if (request.context.size() > kTransformContextBytesMax) {
    return invalid("transform.context: at most " + std::to_string(kTransformContextBytesMax) + " bytes");
  }
  const bool other = request.json || request.drop_if_not_json || !request.drop_pointers.empty() ||
                     !request.keep_pointers.empty() || !request.key_pointers.empty() || request.value_pointer;
  if (other) return invalid("transform.method: the canister's own transform is instead of json and pointers");
  return {};
}

std::expected<void, Reject> check_delegated(const OpenArguments& arguments) {
  if (arguments.delegated.has_value() != (arguments.mode == Mode::Delegated)) {
    return invalid("delegated: these settings go with mode delegated, and it with them");
  }
  if (!arguments.delegated) return {};
  const Milliseconds timeout = arguments.delegated->timeout;
  if (timeout < kTermTimeoutMin || timeout > kTermTimeoutMax) {
    return invalid("delegated.timeout: must be 2,000 to 300,000 milliseconds");
  }
  if (arguments.message_bytes_max > kDelegatedMessageBytesMax) {
    return invalid("message_bytes_max: in mode delegated at most " +
                   std::to_string(kDelegatedMessageBytesMax) + ": a batch must hold the largest message");
  }
  if (arguments.chunks) return invalid("chunks: not in mode delegated, whose batches hold whole messages");
  if (arguments.writers != Writers::All) {
    return invalid("writers: in mode delegated the owner writes; leave them out");
  }
  if (!arguments.transform.method.empty()) {
    return invalid("transform.method: not in mode delegated, where nothing has to be made equal");
  }
  return {};
}

}  // namespace

uint64_t largest_message_bytes(const OpenArguments& arguments, const ClusterParams& params) {
  return arguments.chunks ? params.message_bytes_max : arguments.message_bytes_max;
}

transform::TransformSpec transform_spec(const OpenArguments& arguments) {
  const TransformRequest& request = arguments.transform;
  transform::TransformSpec spec;
  spec.input = request.json ? transform::TransformSpec::Input::Json : transform::TransformSpec::Input::Pass;
  spec.drop_if_not_json = request.drop_if_not_json;
  spec.drop_pointers = request.drop_pointers;
  spec.keep_pointers = request.keep_pointers;
  spec.key_pointers = request.key_pointers;
  spec.value_pointer = request.value_pointer;
  return spec;
}

std::expected<void, Reject> check_open(const OpenArguments& arguments, const ClusterParams& params,
                                       agreement::Quorum quorum) {
  if (auto checked = check_request(arguments); !checked) return checked;
  if (auto checked = check_script(arguments, params); !checked) return checked;
  if (arguments.mode < Mode::Ordered || arguments.mode > Mode::Delegated) {
    return invalid("mode: must be ordered, feed, observations or delegated");
  }
  if (auto checked = check_observations(arguments, quorum); !checked) return checked;
  if (auto checked = check_delegated(arguments); !checked) return checked;
  if (arguments.mode == Mode::Ordered && !arguments.transform.key_pointers.empty()) {
    return invalid("transform.key_pointers: mode ordered has one order for all messages; leave them out");
  }
  if (arguments.writers < Writers::All || arguments.writers > Writers::Single) {
    return invalid("writers: must be all, some or single");
  }
  if (arguments.mode == Mode::Ordered && arguments.writers != Writers::All) {
    return invalid(
        "writers: in mode ordered all must write, for a server answers only the sockets that asked");
  }
  if (auto checked = check_own_transform(arguments.transform); !checked) return checked;
  if (const auto compiled = transform::Transform::compile(transform_spec(arguments)); !compiled) {
    return invalid(std::string("transform: ") + transform::describe(compiled.error()));
  }
  if (arguments.message_bytes_max < 1 || arguments.message_bytes_max > params.message_bytes_max) {
    return invalid("message_bytes_max: must be 1 to " + std::to_string(params.message_bytes_max));
  }
  if (arguments.chunks && arguments.message_bytes_max < transcript::kPartBytesMin) {
    return invalid("message_bytes_max: with chunks at least " + std::to_string(transcript::kPartBytesMin));
  }
  if (arguments.overflow != Overflow::Wait && arguments.overflow != Overflow::DropOldest) {
    return invalid("overflow: must be wait or drop_oldest");
  }
  if (arguments.overflow == Overflow::DropOldest && arguments.mode != Mode::Feed) {
    return invalid("overflow: drop_oldest is for mode feed; elsewhere a hole would lose an answer");
  }
  if (arguments.open_timeout < kOpenTimeoutMin || arguments.open_timeout > kOpenTimeoutMax) {
    return invalid("open_timeout: must be 1,000 to 300,000 milliseconds");
  }
  return {};
}

std::expected<void, Reject> check_send(MessageKind kind, BytesView content, const ClusterParams& params) {
  if (kind != MessageKind::Text && kind != MessageKind::Binary)
    return invalid("kind: must be text or binary");
  if (content.size() > params.message_bytes_max) {
    return invalid("content: at most " + std::to_string(params.message_bytes_max) + " bytes");
  }
  if (kind == MessageKind::Text && !ws::utf8_valid(content))
    return invalid("content: a text message must be UTF-8");
  return {};
}

std::expected<void, Reject> check_close(uint16_t code, BytesView reason) {
  if (code != 1000 && (code < 3000 || code > 4999)) return invalid("code: must be 1000 or 3000 to 4999");
  if (reason.size() > kCloseReasonBytesMax) return invalid("reason: at most 123 bytes");
  if (!ws::utf8_valid(reason)) return invalid("reason: must be UTF-8");
  return {};
}

}  // namespace icws::replica
