#include "adapter/connection.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "adapter/event_message.h"

namespace icws::adapter {
namespace {

namespace asio = boost::asio;
using transcript::Cause;

// Deadlines are late by a quarter at most, and never by more than this.
constexpr Milliseconds kKeeperPeriodMax{5'000};
constexpr Milliseconds kKeeperPeriodMin{10};

}  // namespace

Milliseconds keeper_period(const AdapterConfig& config) {
  const auto shortest = std::min({config.ping_after, config.pong_timeout, config.write_timeout,
                                  config.message_timeout, config.close_timeout});
  return std::clamp(shortest / 4, kKeeperPeriodMin, kKeeperPeriodMax);
}

Connection::Connection(asio::any_io_executor executor, replica::OpenCommand request,
                       const ConnectionParts& parts)
    : request_(std::move(request)),
      parts_(parts),
      watchdog_(executor, parts.config.open_timeout),
      pacing_(parts.egress.pacer().source(request_.canister, Clock::now())),
      decoder_(decoder_limits()),
      queue_(parts.config.send_messages_max, parts.config.send_bytes_max) {}

ws::DecoderLimits Connection::decoder_limits() const {
  ws::DecoderLimits limits;
  limits.message_bytes_max = request_.message_bytes_max;
  limits.inflate_ratio_max = static_cast<uint32_t>(parts_.config.compression_ratio_max);
  return limits;
}

asio::awaitable<void> Connection::run() {
  std::optional<Failure> failure;
  try {
    failure = co_await open();
  } catch (const std::exception&) {
    failure = Failure{Cause::Adapter, "internal error"};
  }
  watchdog_.retire();
  if (failure) {
    if (watchdog_.whole_expired()) parts_.metrics.pass(Limit::kOpenTimeout);
    if (!forgotten_) publish_failed(*failure);
  } else {
    co_await live();
  }
  places_ = {};
  free_buffers();
  state_ = ConnectionState::kEnded;
}

void Connection::free_buffers() {
  messages_received_ = messages_received();
  decoder_ = ws::Decoder();
  queue_.clear();
  out_ = {};
  leftover_ = {};
}

// What was begun here refers to this object: all of it ends before run() does.
asio::awaitable<void> Connection::live() {
  request_.headers = {};
  request_.subprotocols = {};
  request_.response_headers = {};
  request_.proxies = {};
  last_read_ = write_progress_ = last_heartbeat_ = Clock::now();
  if (state_ == ConnectionState::kConnecting) state_ = ConnectionState::kOpen;
  parts_.keeper.add(*this);
  request_write();
  try {
    co_await read();
  } catch (const std::exception&) {
    end_internally();
  }
  reader_done_ = true;
  held_.reset();
  request_write();
  while (write_pending_) co_await write_news_.wait();
  parts_.keeper.remove(*this);
  stream_.reset();
  decoder_.retire();
  queue_.release_idle();
}

SendQueue::Accepted Connection::send(uint64_t sequence, replica::MessageKind kind, BytesView content) {
  const auto accepted = queue_.push(sequence, kind, content);
  if (accepted == SendQueue::Accepted::kFull && sequence == queue_.accepted_up_to() + 1) {
    const bool many = queue_.messages() >= parts_.config.send_messages_max;
    parts_.metrics.pass(many ? Limit::kSendMessagesMax : Limit::kSendBytesMax);
  }
  request_write();
  return accepted;
}

void Connection::close(ws::CloseCode code, BytesView reason) {
  forgotten_ = true;
  if (state_ == ConnectionState::kConnecting) {
    abort();
    return;
  }
  if (ended()) return;
  End ours;
  ours.failure.cause = Cause::Canister;
  queue_.close(code, reason, false);
  end(std::move(ours), code);
}

void Connection::abort() {
  forgotten_ = true;
  watchdog_.abort();
  if (state_ == ConnectionState::kOpen) state_ = ConnectionState::kClosing;
  if (stream_) stream_->close();
  room_news_.give();
}

void Connection::room() { room_news_.give(); }

void Connection::end(End end, std::optional<ws::CloseCode> close_code) {
  if (ended()) return;
  state_ = ConnectionState::kClosing;
  ++parts_.metrics.ends[static_cast<size_t>(end.failure.cause)];
  if (end.failure.limit) parts_.metrics.pass(*end.failure.limit);
  close_deadline_ = Clock::now() + parts_.config.close_timeout;
  if (!forgotten_) publish_end(end);
  if (close_code) {
    // Behind the server's Close nothing is owed to it. When it broke the rules, what was accepted before
    // still goes out, within the close's deadline.
    queue_.close(*close_code, end.clean ? BytesView{} : BytesView(end.failure.detail), end.clean);
  } else {
    stream_->close();
  }
  request_write();
  room_news_.give();
}

void Connection::end_internally() {
  end({{Cause::Adapter, "internal error"}}, std::nullopt);
  stream_->close();
}

// What a canister or a server does in good order is no news for the operator.
void Connection::log_failure(std::string_view message, const Failure& failure) const {
  const bool usual = failure.cause == Cause::Server || failure.cause == Cause::Canister;
  const auto level = usual ? LogLevel::kDebug : LogLevel::kInfo;
  if (!parts_.log.enabled(level)) return;
  parts_.log.write(level, message,
                   {{"socket", log_name(request_.key)},
                    {"server", log_place(request_.url)},
                    {"cause", std::string(transcript::cause_name(failure.cause))},
                    {"detail", failure.detail}});
}

void Connection::publish_end(const End& end) {
  log_failure("a socket ended", end.failure);
  const replica::SocketClosed closed{end.clean, end.code, end.reason, end.failure.cause, end.failure.detail};
  events_.add_event(serialize_closed(events_.next_sequence(), closed));
  publish();
}

void Connection::keep(Clock::time_point now) {
  if (ended()) {
    if (now >= close_deadline_ && stream_->socket().is_open()) {
      parts_.metrics.pass(Limit::kCloseTimeout);
      stream_->close();
    }
    return;
  }
  if (paused_) {
    keep_standing(now);
  } else {
    keep_open(now);
  }
  const bool writing = written_ < out_.size();
  if (writing && now - write_progress_ >= parts_.config.write_timeout) {
    end({{Cause::Timeout, "the server did not read for too long", false, Limit::kWriteTimeout}},
        std::nullopt);
  }
}

void Connection::keep_standing(Clock::time_point now) {
  if (now - last_heartbeat_ < parts_.config.ping_after) return;
  last_heartbeat_ = now;
  queue_.pong({});
  request_write();
}

void Connection::keep_open(Clock::time_point now) {
  const auto silent = now - last_read_;
  if (message_begun_ != Clock::time_point{} && now - message_begun_ >= parts_.config.message_timeout) {
    end({{Cause::Timeout, "the server left a message unfinished for too long", false, Limit::kMessageTimeout},
         ws::kClosePolicyViolation},
        ws::kClosePolicyViolation);
  } else if (silent >= parts_.config.ping_after + parts_.config.pong_timeout) {
    end({{Cause::Timeout, "the server was silent for too long and did not answer a ping", false,
          Limit::kPongTimeout}},
        std::nullopt);
  } else if (silent >= parts_.config.ping_after && !pinged_) {
    pinged_ = true;
    decoder_.release_idle();
    queue_.release_idle();
    queue_.ping();
    request_write();
  }
}

}  // namespace icws::adapter
