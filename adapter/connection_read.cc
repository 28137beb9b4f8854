// Reading: bytes to events.
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

#include "adapter/connection.h"

namespace icws::adapter {
namespace {

namespace asio = boost::asio;
using transcript::Cause;

// Read in a row before the other connections have a turn: bytes, or reads.
constexpr size_t kTurnBytes = 2 * kReadBytes;
constexpr int kTurnReads = 8;
// With a read straight to a large message's place, what follows it: enough to see how large the next one is,
// which can then be read to its place as well; and to tell that there is more.
constexpr size_t kReadBytesBehind = 4 * 1024;
// After a message of this size the next is expected to be as large: of it, too, only the beginning is read, so
// that the rest goes to its place uncopied.
constexpr size_t kLargeMessageBytes = 32 * 1024;
// After the end, so much is read and thrown away before the socket is closed: bytes left unread would make
// the kernel send a reset, which can overtake our Close frame.
constexpr size_t kDrainBytesMax = 16 * 1024 * 1024;

Cause cause_of(ws::DecodeError error) {
  switch (error) {
    case ws::DecodeError::kInvalidUtf8:
      return Cause::InvalidUtf8;
    case ws::DecodeError::kMessageTooBig:
    case ws::DecodeError::kCompressedTooBig:
    case ws::DecodeError::kInflatesTooMuch:
      return Cause::MessageTooBig;
    default:
      return Cause::Protocol;
  }
}

std::optional<Limit> limit_of(ws::DecodeError error) {
  switch (error) {
    case ws::DecodeError::kMessageTooBig:
    case ws::DecodeError::kCompressedTooBig:
      return Limit::kMessageBytesMax;
    case ws::DecodeError::kInflatesTooMuch:
      return Limit::kCompressionRatioMax;
    case ws::DecodeError::kTooManyFragments:
      return Limit::kFragmentsMax;
    case ws::DecodeError::kTooManyEmptyFragments:
      return Limit::kEmptyFragmentsMax;
    default:
      return std::nullopt;
  }
}

// What a connection has read since the others' last turn.
class Turn {
 public:
  bool over(size_t bytes) {
    bytes_ += bytes;
    if (bytes_ < kTurnBytes && ++reads_ < kTurnReads) return false;
    *this = {};
    return true;
  }

 private:
  size_t bytes_ = 0;
  int reads_ = 0;
};

}  // namespace

asio::awaitable<void> Connection::read() {
  const auto executor = co_await asio::this_coro::executor;
  const auto opened = last_read_;
  bool heard = !leftover_.empty();
  if (heard) parts_.metrics.first_byte.observe({});
  parts_.metrics.received.bytes += leftover_.size();
  consume(std::exchange(leftover_, {}));
  Turn turn;
  while (!ended()) {
    if (held_) {
      co_await stand_until_room();
      consume_held();
      continue;
    }
    const auto now = Clock::now();
    const auto wait = pacing_.reserve(now);
    if (wait.time > ReceivePacer::Duration::zero()) {
      co_await stand_until_paced(wait);
    }
    if (ended()) {
      pacing_.settle(0, now);
      break;
    }
    const auto place = decoder_.payload_room();
    const std::span<char> buffer(parts_.read_buffer);
    const bool small = !place.empty() || last_message_bytes_ >= kLargeMessageBytes;
    auto step = stream_->try_read(place, small ? buffer.first(kReadBytesBehind) : buffer);
    pacing_.settle(step.bytes, now);
    if (step.failure) {
      end({std::move(*step.failure)}, std::nullopt);
    } else if (step.ended) {
      end({{Cause::Connection, "the server ended the connection without a Close frame"}}, std::nullopt);
    } else if (step.want != IoWant::kNothing) {
      co_await stream_->wait_for(step.want);
    } else {
      last_read_ = Clock::now();
      pinged_ = false;
      if (!std::exchange(heard, true)) parts_.metrics.first_byte.observe(last_read_ - opened);
      parts_.metrics.received.bytes += step.bytes;
      const size_t placed = std::min(step.bytes, place.size());
      consume(BytesView(parts_.read_buffer).substr(0, step.bytes - placed), placed);
      if (step.drained && !held_ && !ended()) {
        co_await stream_->wait_for(IoWant::kRead);
      } else if (turn.over(step.bytes)) {
        co_await asio::post(executor, asio::use_awaitable);
      }
    }
  }
  co_await drain();
}

// `input` may lie in the shared buffer: what has to wait is copied.
void Connection::consume(BytesView input, size_t placed) {
  const auto before = decoder_.counters();
  while (!ended()) {
    const auto event = next_event(input, placed);
    if (!event) {
      publish();
      const auto code = ws::close_code_for(event.error());
      end({{cause_of(event.error()), std::string(ws::describe(event.error())), false,
            limit_of(event.error())},
           code},
          code);
      break;
    }
    const bool data = event->kind == ws::EventKind::kText || event->kind == ws::EventKind::kBinary;
    if (data && room_.empty()) {
      held_ = std::make_unique<Held>(event->kind, Bytes(event->payload), Bytes(input));
      break;
    }
    if (!take(*event)) break;
  }
  publish();
  account(before);
  note_unfinished();
}

std::expected<ws::Event, ws::DecodeError> Connection::next_event(BytesView& input, size_t& placed) {
  if (placed > 0) {
    const auto event = decoder_.filled(std::exchange(placed, 0));
    if (!event || event->kind != ws::EventKind::kNeedMore) return event;
  }
  return decoder_.next(input);
}

void Connection::consume_held() {
  if (ended()) return;
  const auto held = std::exchange(held_, nullptr);
  take({held->kind, 0, held->message});
  consume(held->rest);
}

void Connection::account(const ws::DecoderCounters& before) {
  const auto& now = decoder_.counters();
  parts_.metrics.received.messages += now.messages - before.messages;
  parts_.metrics.received.control_frames += now.control_frames - before.control_frames;
  parts_.metrics.compressed_bytes += now.compressed_bytes - before.compressed_bytes;
  parts_.metrics.inflated_bytes += now.inflated_bytes - before.inflated_bytes;
}

// For message_timeout: since when the same message has been unfinished.
void Connection::note_unfinished() {
  if (!decoder_.unfinished()) {
    message_begun_ = {};
  } else if (message_begun_ == Clock::time_point{} || messages_before_ != messages_received()) {
    message_begun_ = Clock::now();
    messages_before_ = messages_received();
  }
}

// False: the input is used up, or the connection ends.
bool Connection::take(const ws::Event& event) {
  switch (event.kind) {
    case ws::EventKind::kNeedMore:
      return false;
    case ws::EventKind::kText:
    case ws::EventKind::kBinary: {
      last_message_bytes_ = event.payload.size();
      if (forgotten_) return true;
      const size_t before = events_.staged_bytes();
      const auto kind =
          event.kind == ws::EventKind::kText ? replica::MessageKind::Text : replica::MessageKind::Binary;
      if (auto* buffer = decoder_.message_buffer(); buffer && buffer->view().data() == event.payload.data()) {
        events_.add_message(kind, std::move(*buffer));
      } else {
        events_.add_message(kind, event.payload);
      }
      const size_t bytes = events_.staged_bytes() - before;
      --room_.events;
      room_.bytes -= std::min(room_.bytes, bytes);
      return true;
    }
    case ws::EventKind::kPing:
      queue_.pong(event.payload);
      request_write();
      return !control_flood();
    case ws::EventKind::kPong:
      return !control_flood();
    case ws::EventKind::kClose:
      publish();
      server_closed_ = true;
      // The server's code goes back to it (RFC 6455, section 5.5.1).
      end({{Cause::Server, "the server closed the connection"},
           event.close_code,
           true,
           std::string(event.payload)},
          event.close_code);
      return false;
  }
  return false;
}

bool Connection::control_flood() {
  const auto now = last_read_;
  const uint64_t seen = decoder_.counters().control_frames;
  if (now - control_window_ >= std::chrono::seconds(1)) {
    control_window_ = now;
    control_seen_ = seen - 1;
  }
  if (seen - control_seen_ <= parts_.config.control_frames_per_second_max) return false;
  publish();
  end({{Cause::Protocol, "the server sent more control frames in a second than the limit", false,
        Limit::kControlFramesPerSecondMax},
       ws::kClosePolicyViolation},
      ws::kClosePolicyViolation);
  return true;
}

asio::awaitable<void> Connection::stand_until_room() {
  paused_ = true;
  ++parts_.metrics.pauses;
  while (!ended()) {
    room_ = parts_.hub.wait_for_room(request_.key);
    if (!room_.empty()) break;
    co_await room_news_.wait();
  }
  paused_ = false;
  last_read_ = Clock::now();
}

// TCP slows the server down meanwhile; the keeper shows it life.
asio::awaitable<void> Connection::stand_until_paced(const ReceivePacer::Wait& wait) {
  const auto begun = Clock::now();
  const auto until = begun + wait.time;
  paused_ = true;
  parts_.metrics.pass(wait.limit);
  while (!ended() && Clock::now() < until) co_await room_news_.wait(until);
  paused_ = false;
  const auto now = Clock::now();
  last_read_ = now;
  // The server is not slow for what was not read here.
  if (message_begun_ != Clock::time_point{}) message_begun_ += now - begun;
}

void Connection::publish() {
  if (forgotten_) {
    events_.take();
    room_ = {parts_.config.events_max, parts_.config.event_bytes_max};
    return;
  }
  room_ = parts_.hub.publish(request_.key, events_.take());
}

asio::awaitable<void> Connection::drain() {
  const auto executor = co_await asio::this_coro::executor;
  size_t drained = 0;
  while (stream_->socket().is_open() && drained < kDrainBytesMax) {
    const auto step = stream_->try_read(parts_.read_buffer.data(), parts_.read_buffer.size());
    if (step.failure || step.ended) break;
    drained += step.bytes;
    if (step.want != IoWant::kNothing) {
      const bool ready = co_await stream_->wait_for(step.want);
      if (!ready) break;
    } else {
      co_await asio::post(executor, asio::use_awaitable);
    }
  }
  if (drained >= kDrainBytesMax) parts_.metrics.pass(Limit::kDrainBytesMax);
}

}  // namespace icws::adapter
