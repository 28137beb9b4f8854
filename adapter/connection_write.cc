// Writing: from the queue to the socket, a piece whenever it takes one.
#include <boost/asio/post.hpp>
#include <exception>
#include <utility>

#include "adapter/connection.h"

namespace icws::adapter {
namespace {

using transcript::Cause;

// Frames are gathered to about so much for one write.
constexpr size_t kWriteBytes = 64 * 1024;
// With nothing left to write, a buffer beyond this is freed.
constexpr size_t kWriteBytesRetained = 1024;

}  // namespace

void Connection::request_write() {
  if (!stream_ || std::exchange(write_pending_, true)) return;
  boost::asio::post(stream_->socket().get_executor(), [this] { write(); });
}

void Connection::write() {
  IoWant want = IoWant::kNothing;
  try {
    want = write_some();
  } catch (const std::exception&) {
    end_internally();
  }
  if (want != IoWant::kNothing) {
    // If the socket is closed meanwhile, write_some() sees it.
    stream_->when_ready(want, [this] { write(); });
    return;
  }
  write_pending_ = false;
  write_news_.give();
}

// What it is to wait for; nothing: all is written, or the socket is closed.
IoWant Connection::write_some() {
  while (stream_->socket().is_open()) {
    if (written_ == out_.size() && !next_frames()) break;
    auto step = stream_->try_write(BytesView(out_).substr(written_));
    if (step.failure || step.ended) {
      Failure ended{Cause::Connection, "the server ended the connection"};
      end({step.failure.value_or(std::move(ended))}, std::nullopt);
      stream_->close();
      break;
    }
    if (step.bytes > 0) {
      written_ += step.bytes;
      parts_.metrics.sent.bytes += step.bytes;
      write_progress_ = Clock::now();
    }
    if (step.want != IoWant::kNothing) return step.want;
    if (written_ == out_.size()) report_sent();
  }
  return IoWant::kNothing;
}

// False: there is nothing to write. Says so to the server when nothing more will come.
bool Connection::next_frames() {
  if (writing_ended_) return false;
  out_.clear();
  written_ = 0;
  const uint64_t messages = queue_.messages_encoded();
  const uint64_t control_frames = queue_.control_frames_encoded();
  queue_.encode(out_, kWriteBytes, parts_.mask_keys);
  parts_.metrics.sent.messages += queue_.messages_encoded() - messages;
  parts_.metrics.sent.control_frames += queue_.control_frames_encoded() - control_frames;
  if (!out_.empty()) {
    write_progress_ = Clock::now();
    return true;
  }
  if (out_.capacity() > kWriteBytesRetained) out_.shrink_to_fit();
  // The server ends TCP after the closing handshake (RFC 6455, section 7.1.1); our FIN tells it that it may.
  writing_ended_ = queue_.close_encoded() || reader_done_;
  if (writing_ended_) stream_->end_writing();
  return false;
}

void Connection::report_sent() {
  const uint64_t sent = queue_.encoded_up_to();
  if (sent == sent_reported_ || forgotten_) return;
  sent_reported_ = sent;
  parts_.hub.set_sent_up_to(request_.key, sent);
}

}  // namespace icws::adapter
