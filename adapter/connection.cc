#include "adapter/connection.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <exception>
#include <utility>

#include "adapter/event_message.h"

namespace icws::adapter {
namespace {

namespace asio = boost::asio;
using transcript::Cause;

// Frames are gathered to about so much for one write.
constexpr size_t kWriteBytes = 64 * 1024;
// A write buffer that grew for a large message is freed beyond this.
constexpr size_t kWriteBytesRetained = 128 * 1024;
// The keeper looks at least so often: deadlines that begin while it waits are late by this at most.
constexpr Milliseconds kKeeperPeriodMax{5'000};
constexpr Milliseconds kKeeperPeriodMin{10};

ws::DecoderLimits decoder_limits(const replica::OpenCommand& request) {
  ws::DecoderLimits limits;
  limits.message_bytes_max = request.message_bytes_max;
  return limits;
}

Milliseconds keeper_period(const AdapterConfig& config) {
  const auto shortest = std::min({config.ping_after, config.pong_timeout, config.write_timeout,
                                  config.message_timeout, config.close_timeout});
  return std::clamp(shortest / 4, kKeeperPeriodMin, kKeeperPeriodMax);
}

}  // namespace

Connection::Connection(asio::any_io_executor executor, replica::OpenCommand request,
                       const ConnectionParts& parts)
    : request_(std::move(request)),
      parts_(parts),
      watchdog_(executor, parts.config.open_timeout),
      decoder_(decoder_limits(request_)),
      queue_(parts.config.send_messages_max, parts.config.send_bytes_max),
      writer_news_(executor),
      room_news_(executor),
      keeper_news_(executor),
      done_news_(executor) {}

asio::awaitable<void> Connection::run() {
  auto failure = co_await open();
  if (failure) {
    if (!forgotten_) publish_failed(*failure);
    state_ = ConnectionState::kEnded;
    co_return;
  }
  last_read_ = write_progress_ = Clock::now();
  if (state_ == ConnectionState::kConnecting) state_ = ConnectionState::kOpen;
  co_await spawn_and_join();
  stream_.reset();
  state_ = ConnectionState::kEnded;
}

// The three parts refer to this object: all end before run() does.
asio::awaitable<void> Connection::spawn_and_join() {
  const auto executor = co_await asio::this_coro::executor;
  const auto done = [this](std::exception_ptr error) {
    if (error) end({{Cause::Adapter, "internal error"}}, std::nullopt);
    part_done();
  };
  parts_running_ = 3;
  asio::co_spawn(executor, read(), [this, done](std::exception_ptr error) {
    reader_done_ = true;
    keeper_news_.cancel();
    writer_news_.cancel();
    done(error);
  });
  asio::co_spawn(executor, write(), [this, done](std::exception_ptr error) {
    writer_done_ = true;
    keeper_news_.cancel();
    done(error);
  });
  asio::co_spawn(executor, keep(), done);
  while (parts_running_ > 0) {
    done_news_.expires_at(Clock::time_point::max());
    co_await done_news_.async_wait(asio::as_tuple(asio::use_awaitable));
  }
}

void Connection::part_done() {
  --parts_running_;
  done_news_.cancel();
}

SendQueue::Accepted Connection::send(uint64_t sequence, replica::MessageKind kind, BytesView content) {
  const auto accepted = queue_.push(sequence, kind, content);
  writer_news_.cancel();
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
  for (auto* timer : {&writer_news_, &room_news_, &keeper_news_}) timer->cancel();
}

void Connection::room() { room_news_.cancel(); }

void Connection::end(End end, std::optional<ws::CloseCode> close_code) {
  if (ended()) return;
  state_ = ConnectionState::kClosing;
  close_deadline_ = Clock::now() + parts_.config.close_timeout;
  if (!forgotten_) publish_end(end);
  if (close_code) {
    // Behind the server's Close nothing is owed to it. When it broke the rules, what was accepted before
    // still goes out, within the close's deadline.
    queue_.close(*close_code, end.clean ? BytesView{} : BytesView(end.failure.detail), end.clean);
  } else {
    stream_->close();
  }
  for (auto* timer : {&writer_news_, &room_news_, &keeper_news_}) timer->cancel();
}

void Connection::publish_end(const End& end) {
  const replica::SocketClosed closed{end.clean, end.code, end.reason, end.failure.cause, end.failure.detail};
  events_.add_event(serialize_closed(events_.next_sequence(), closed));
  publish();
}

asio::awaitable<void> Connection::write() {
  while (stream_->socket().is_open()) {
    queue_.encode(out_, kWriteBytes, parts_.mask_keys);
    if (!out_.empty()) {
      co_await flush();
      continue;
    }
    if (queue_.close_encoded() || reader_done_) break;
    writer_news_.expires_at(Clock::time_point::max());
    co_await writer_news_.async_wait(asio::as_tuple(asio::use_awaitable));
  }
  // The server ends TCP after the closing handshake (RFC 6455, section 7.1.1); our FIN tells it that it may.
  if (stream_->socket().is_open()) stream_->end_writing();
}

asio::awaitable<void> Connection::flush() {
  const uint64_t sequence = queue_.encoded_up_to();
  size_t written = 0;
  writing_ = true;
  write_progress_ = Clock::now();
  while (written < out_.size() && stream_->socket().is_open()) {
    auto step = stream_->try_write(BytesView(out_).substr(written));
    if (step.failure || step.ended) {
      Failure ended{Cause::Connection, "the server ended the connection"};
      end({step.failure.value_or(std::move(ended))}, std::nullopt);
      stream_->close();
      break;
    }
    written += step.bytes;
    if (step.bytes > 0) write_progress_ = Clock::now();
    if (step.want != IoWant::kNothing) co_await stream_->wait_for(step.want);
  }
  writing_ = false;
  const bool whole = written == out_.size();
  out_.clear();
  if (out_.capacity() > kWriteBytesRetained) out_.shrink_to_fit();
  if (whole && sequence > 0 && !forgotten_) parts_.hub.set_sent_up_to(request_.key, sequence);
}

asio::awaitable<void> Connection::keep() {
  const auto period = keeper_period(parts_.config);
  auto heartbeat = Clock::now();
  while (!(reader_done_ && writer_done_) && stream_->socket().is_open()) {
    const auto now = Clock::now();
    if (ended()) {
      if (now >= close_deadline_) stream_->close();
    } else if (!paused_) {
      keep_open(now);
    } else if (now - heartbeat >= parts_.config.ping_after) {
      heartbeat = now;
      queue_.pong({});
      writer_news_.cancel();
    }
    if (!ended() && writing_ && now - write_progress_ >= parts_.config.write_timeout) {
      end({{Cause::Timeout, "the server did not read for too long"}}, std::nullopt);
    }
    keeper_news_.expires_after(period);
    co_await keeper_news_.async_wait(asio::as_tuple(asio::use_awaitable));
  }
}

void Connection::keep_open(Clock::time_point now) {
  const auto silent = now - last_read_;
  if (message_begun_ != Clock::time_point{} && now - message_begun_ >= parts_.config.message_timeout) {
    end({{Cause::Timeout, "the server left a message unfinished for too long"}, ws::kClosePolicyViolation},
        ws::kClosePolicyViolation);
  } else if (silent >= parts_.config.ping_after + parts_.config.pong_timeout) {
    end({{Cause::Timeout, "the server was silent for too long and did not answer a ping"}}, std::nullopt);
  } else if (silent >= parts_.config.ping_after && !pinged_) {
    pinged_ = true;
    events_.release();
    queue_.ping();
    writer_news_.cancel();
  }
}

}  // namespace icws::adapter
