#include "examples/echo/echo_canister.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value_from.hpp>
#include <deque>
#include <map>

#include "base/archive.h"
#include "base/hash.h"
#include "examples/json_arguments.h"
#include "examples/reject.h"

namespace icws::examples {
namespace json = boost::json;
namespace {

using replica::CanisterContext;
using replica::ClosedCall;
using replica::DataCall;
using replica::DataEntry;
using replica::MessageKind;
using replica::OpenArguments;
using replica::OpenedCall;

// Answers kept; older ones live on in the count and the digest only.
constexpr size_t kAnswersMax = 1'000;
// Bytes kept of one answer, so that the state stays below 5 MB whatever a server sends.
constexpr size_t kAnswerBytesMax = 4'096;
// Connections remembered, the ended ones included; the oldest goes first.
constexpr size_t kConnectionsMax = 300;
// Answers in a query's reply unless it asks for another number.
constexpr uint64_t kAnswersShown = 20;

struct Answer {
  uint64_t connection = 0;
  uint64_t sequence = 0;
  uint64_t time_ms = 0;  // block time, since the Unix epoch
  DataEntry::Kind kind = DataEntry::Kind::Text;
  uint64_t bytes = 0;  // of the whole message; of a gap: how many messages are missing
  Bytes content;       // its first kAnswerBytesMax bytes
  uint32_t part = 1;   // of a message over the connection's limit
  uint32_t parts = 1;
  static void fields(auto& archive, auto& self) {
    archive(self.connection, self.sequence, self.time_ms, self.kind, self.bytes, self.content, self.part,
            self.parts);
  }
};

struct Connection {
  std::string url;
  std::string state = "opening";
  uint32_t epoch = 0;
  uint64_t opened = 0;
  uint64_t sent = 0;
  uint64_t answers = 0;
  uint64_t missing = 0;
  // Of the newest receipt: its last message, and who has written it.
  uint64_t written = 0;
  std::vector<uint32_t> writers;
  uint16_t close_code = 0;
  std::string close_cause;
  std::string close_reason;
  std::string close_message;
  static void fields(auto& archive, auto& self) {
    archive(self.url, self.state, self.epoch, self.opened, self.sent, self.answers, self.missing,
            self.written, self.writers, self.close_code, self.close_cause, self.close_reason,
            self.close_message);
  }
};

// As large as mode delegated allows (kDelegatedMessageBytesMax).
constexpr uint64_t kDelegatedBytesMax = 200'000;

struct State {
  bool trap_on_data = false;
  uint64_t answers_count = 0;
  Digest answers_digest;
  std::deque<Answer> answers;
  std::map<uint64_t, Connection> connections;
  static void fields(auto& archive, auto& self) {
    archive(self.trap_on_data, self.answers_count, self.answers_digest, self.answers, self.connections);
  }
};

// At most kAnswerBytesMax bytes, and in a text no cut inside a character of UTF-8.
Bytes beginning_of(const Bytes& content, DataEntry::Kind kind) {
  if (content.size() <= kAnswerBytesMax) return content;
  if (kind != DataEntry::Kind::Text) return content.substr(0, kAnswerBytesMax);
  size_t end = kAnswerBytesMax;
  while (end > 0 && (static_cast<uint8_t>(content[end]) & 0xc0) == 0x80) --end;
  return content.substr(0, end);
}

std::string_view kind_name(DataEntry::Kind kind) {
  switch (kind) {
    case DataEntry::Kind::Text:
      return "text";
    case DataEntry::Kind::Binary:
      return "binary";
    case DataEntry::Kind::Gap:
      return "gap";
    case DataEntry::Kind::Reading:
      return "reading";
    case DataEntry::Kind::Receipt:
      return "receipt";
    case DataEntry::Kind::TransformFailed:
      return "transform failed";
    case DataEntry::Kind::Handover:
      return "handover";
  }
  return "unknown";
}

replica::Writers writers_of(const std::string& name) {
  if (name == "all") return replica::Writers::All;
  if (name == "some") return replica::Writers::Some;
  if (name == "single") return replica::Writers::Single;
  throw ArgumentError("argument \"writers\" must be all, some or single");
}

OpenArguments open_arguments(BytesView text) {
  const json::object in = parse_arguments(text, {"url",
                                                 "mode",
                                                 "subprotocols",
                                                 "headers",
                                                 "script",
                                                 "json",
                                                 "drop",
                                                 "keep",
                                                 "key",
                                                 "transform",
                                                 "context",
                                                 "reconnect",
                                                 "message_bytes_max",
                                                 "open_timeout_ms",
                                                 "term_timeout_ms",
                                                 "compression",
                                                 "writers",
                                                 "receipts",
                                                 "chunks",
                                                 "overflow"});
  OpenArguments out;
  out.url = required_text(in, "url");
  const std::string mode = optional_text(in, "mode", "ordered");
  if (mode != "ordered" && mode != "feed" && mode != "delegated") {
    throw ArgumentError("argument \"mode\" must be ordered, feed or delegated");
  }
  if (mode == "feed") out.mode = replica::Mode::Feed;
  if (mode == "delegated") {
    out.mode = replica::Mode::Delegated;
    out.delegated.emplace();
    out.message_bytes_max = kDelegatedBytesMax;
    const uint64_t timeout =
        optional_number(in, "term_timeout_ms", static_cast<uint64_t>(out.delegated->timeout.count()));
    out.delegated->timeout = Milliseconds(static_cast<int64_t>(std::min<uint64_t>(timeout, 1'000'000'000)));
  }
  out.subprotocols = text_list(in, "subprotocols");
  if (const json::value* headers = in.if_contains("headers")) {
    if (!headers->is_object()) throw ArgumentError("argument \"headers\" must be an object of texts");
    for (const auto& header : headers->get_object()) {
      out.headers.push_back({std::string(header.key()), required_text(headers->get_object(), header.key())});
    }
  }
  for (std::string& line : text_list(in, "script"))
    out.script.push_back({MessageKind::Text, std::move(line)});
  out.transform.json = optional_flag(in, "json", false);
  out.transform.drop_pointers = text_list(in, "drop");
  out.transform.keep_pointers = text_list(in, "keep");
  out.transform.key_pointers = text_list(in, "key");
  out.transform.method = optional_text(in, "transform", "");
  out.transform.context = optional_text(in, "context", "");
  out.reconnect = optional_flag(in, "reconnect", false);
  out.compression = optional_flag(in, "compression", false);
  out.writers = writers_of(optional_text(in, "writers", "all"));
  out.receipts = optional_flag(in, "receipts", false);
  out.chunks = optional_flag(in, "chunks", false);
  const std::string overflow = optional_text(in, "overflow", "wait");
  if (overflow != "wait" && overflow != "drop_oldest") {
    throw ArgumentError("argument \"overflow\" must be wait or drop_oldest");
  }
  if (overflow == "drop_oldest") out.overflow = replica::Overflow::DropOldest;
  out.message_bytes_max = optional_number(in, "message_bytes_max", out.message_bytes_max);
  // Far above every bound that ws_open checks, so that the conversion to signed milliseconds holds.
  const uint64_t timeout =
      optional_number(in, "open_timeout_ms", static_cast<uint64_t>(out.open_timeout.count()));
  out.open_timeout = Milliseconds(static_cast<int64_t>(std::min<uint64_t>(timeout, 1'000'000'000)));
  return out;
}

json::object describe(const Answer& answer) {
  json::object out;
  out["connection"] = answer.connection;
  out["sequence"] = answer.sequence;
  out["time_ms"] = answer.time_ms;
  out["kind"] = kind_name(answer.kind);
  if (answer.kind == DataEntry::Kind::Gap) {
    out["missing"] = answer.bytes;
    return out;
  }
  if (answer.kind == DataEntry::Kind::TransformFailed) return out;
  out["bytes"] = answer.bytes;
  if (answer.parts > 1) {
    out["part"] = answer.part;
    out["parts"] = answer.parts;
  }
  if (answer.kind == DataEntry::Kind::Text) {
    out["text"] = answer.content;
  } else {
    out["hex"] = to_hex(answer.content);
  }
  return out;
}

json::object describe(uint64_t id, const Connection& connection) {
  json::object out;
  out["connection"] = id;
  out["url"] = connection.url;
  out["state"] = connection.state;
  out["epoch"] = connection.epoch;
  out["opened"] = connection.opened;
  out["sent"] = connection.sent;
  out["answers"] = connection.answers;
  out["missing"] = connection.missing;
  if (connection.written > 0) {
    out["written"] = connection.written;
    out["writers"] = json::value_from(connection.writers);
  }
  if (connection.close_code != 0) {
    out["close"] = json::object{{"code", connection.close_code},
                                {"cause", connection.close_cause},
                                {"reason", connection.close_reason},
                                {"message", connection.close_message}};
  }
  return out;
}

// What: see echo_canister.h. Its whole state is one struct in canonical encoding.
class EchoCanister final : public replica::Canister {
 public:
  Bytes call(CanisterContext& context, std::string_view method, BytesView arguments) override {
    if (method == "open") return open(context, arguments);
    if (method == "send") return send(context, arguments);
    if (method == "resubscribe") return resubscribe(context, arguments);
    if (method == "standing") return standing(context, arguments);
    if (method == "close") return close(context, arguments);
    if (method == "trap_on_data") return trap_on_data(arguments);
    throw ArgumentError("there is no call \"" + std::string(method) +
                        "\"; there are open, send, resubscribe, standing, close, trap_on_data");
  }

  void ws_opened(CanisterContext&, const OpenedCall& call) override {
    Connection& connection = state_.connections[call.connection.value];
    connection.state = "open";
    connection.epoch = call.epoch.value;
    ++connection.opened;
    bound_connections();
  }

  void ws_data(CanisterContext&, const DataCall& call) override {
    if (state_.trap_on_data) throw std::runtime_error("the echo canister was told to trap on data");
    for (const DataEntry& entry : call.entries) record(call, entry);
    bound_connections();
  }

  void ws_closed(CanisterContext&, const ClosedCall& call) override {
    Connection& connection = state_.connections[call.connection.value];
    connection.state = call.reconnecting ? "waiting" : "closed";
    connection.close_code = call.code;
    connection.close_cause = transcript::cause_name(call.cause);
    connection.close_reason = call.reason;
    connection.close_message = call.message;
    bound_connections();
  }

  Bytes query(std::string_view method, BytesView arguments) const override {
    if (method == "answers") return answers(arguments);
    if (method == "connections" || method == "status") return status(arguments);
    throw ArgumentError("there is no query \"" + std::string(method) +
                        "\"; there are answers, connections, status");
  }

  Bytes save() const override { return archive_encode(state_); }

  void load(BytesView bytes) override {
    auto state = archive_decode<State>(bytes);
    if (!state) throw std::runtime_error("not a state of the echo canister");
    state_ = std::move(*state);
  }

 private:
  Bytes open(CanisterContext& context, BytesView arguments) {
    const OpenArguments open = open_arguments(arguments);
    const auto id = context.ws_open(open);
    if (!id) pass_on(id.error());
    state_.connections[id->value].url = open.url;
    bound_connections();
    return json::serialize(json::object{{"connection", id->value}});
  }

  Bytes send(CanisterContext& context, BytesView arguments) {
    const json::object in = parse_arguments(arguments, {"connection", "text"});
    const ConnectionId id(required_number(in, "connection"));
    const auto sequence = context.ws_data(id, MessageKind::Text, required_text(in, "text"));
    if (!sequence) pass_on(sequence.error());
    ++state_.connections[id.value].sent;
    return json::serialize(json::object{{"sequence", sequence->value}});
  }

  Bytes resubscribe(CanisterContext& context, BytesView arguments) {
    const json::object in = parse_arguments(arguments, {"connection"});
    const auto sequence = context.ws_resubscribe(ConnectionId(required_number(in, "connection")));
    if (!sequence) pass_on(sequence.error());
    return json::serialize(json::object{{"sequence", sequence->value}});
  }

  Bytes standing(CanisterContext& context, BytesView arguments) {
    const json::object in = parse_arguments(arguments, {"connection"});
    const auto status = context.ws_status(ConnectionId(required_number(in, "connection")));
    if (!status) pass_on(status.error());
    return json::serialize(json::object{{"state", status->state},
                                        {"epoch", status->epoch.value},
                                        {"last_sequence", status->last_sequence.value},
                                        {"outbox_bytes", status->outbox_bytes},
                                        {"queued", status->queued.value},
                                        {"written", status->written.value}});
  }

  Bytes close(CanisterContext& context, BytesView arguments) {
    const json::object in = parse_arguments(arguments, {"connection", "code", "reason"});
    const uint64_t code = optional_number(in, "code", 1000);
    if (code > UINT16_MAX) throw ArgumentError("argument \"code\" must be 1000, or 3000 to 4999");
    const ConnectionId id(required_number(in, "connection"));
    const auto closed = context.ws_close(id, static_cast<uint16_t>(code), optional_text(in, "reason", ""));
    if (!closed) pass_on(closed.error());
    return "{}";
  }

  Bytes trap_on_data(BytesView arguments) {
    const json::object in = parse_arguments(arguments, {"enabled"});
    state_.trap_on_data = optional_flag(in, "enabled", true);
    return "{}";
  }

  void record(const DataCall& call, const DataEntry& entry) {
    Connection& connection = state_.connections[call.connection.value];
    if (entry.kind == DataEntry::Kind::Receipt) {
      connection.written = entry.last_sent.value;
      connection.writers.clear();
      for (const ReplicaIndex writer : entry.writers) connection.writers.push_back(writer.value);
      return;
    }
    Answer answer{.connection = call.connection.value,
                  .sequence = entry.sequence.value,
                  .time_ms = static_cast<uint64_t>(call.time.time_since_epoch().count()),
                  .kind = entry.kind,
                  .bytes = entry.content.size(),
                  .content = beginning_of(entry.content, entry.kind),
                  .part = entry.part,
                  .parts = entry.parts};
    if (entry.kind == DataEntry::Kind::Gap) {
      answer.bytes = entry.gap_count;
      connection.missing += entry.gap_count;
    } else if (entry.kind != DataEntry::Kind::TransformFailed) {
      ++connection.answers;
      ++state_.answers_count;
      Sha256 hash;
      hash.update(state_.answers_digest).update_u64(answer.connection).update_u64(answer.sequence);
      state_.answers_digest = hash.update_sized(entry.content).finish();
    }
    state_.answers.push_back(std::move(answer));
    if (state_.answers.size() > kAnswersMax) state_.answers.pop_front();
  }

  // Ids only grow, so the smallest is the oldest.
  void bound_connections() {
    while (state_.connections.size() > kConnectionsMax) state_.connections.erase(state_.connections.begin());
  }

  Bytes answers(BytesView arguments) const {
    const json::object in = parse_arguments(arguments, {"connection", "newest"});
    const uint64_t connection = optional_number(in, "connection", 0);
    const uint64_t newest = optional_number(in, "newest", kAnswersShown);
    std::vector<const Answer*> shown;
    for (auto it = state_.answers.rbegin(); it != state_.answers.rend() && shown.size() < newest; ++it) {
      if (connection == 0 || it->connection == connection) shown.push_back(&*it);
    }
    json::array list;
    for (auto it = shown.rbegin(); it != shown.rend(); ++it) list.push_back(describe(**it));
    json::object out;
    out["count"] = state_.answers_count;
    out["digest"] = state_.answers_digest.hex();
    out["answers"] = std::move(list);
    return json::serialize(out);
  }

  Bytes status(BytesView arguments) const {
    const json::object in = parse_arguments(arguments, {"connection"});
    const uint64_t wanted = optional_number(in, "connection", 0);
    json::array list;
    for (const auto& [id, connection] : state_.connections) {
      if (wanted == 0 || wanted == id) list.push_back(describe(id, connection));
    }
    json::object out;
    out["trap_on_data"] = state_.trap_on_data;
    out["connections"] = std::move(list);
    return json::serialize(out);
  }

  State state_;
};

}  // namespace

std::map<std::string, transform::TransformFunction, std::less<>> echo_transforms() {
  const transform::TransformFunction after = [](const transform::TransformCall& call, transform::Meter& meter,
                                                transform::Delivered& out) {
    // The search compares at most so often.
    meter.charge(call.content.size() + call.context.size());
    const size_t at = call.content.find(call.context);
    out.content = at == BytesView::npos ? call.content : call.content.substr(at + call.context.size());
    return true;
  };
  return {{"after", after}};
}

std::unique_ptr<replica::Canister> make_echo_canister() { return std::make_unique<EchoCanister>(); }

}  // namespace icws::examples
