#include "adapter/send_queue.h"

#include <utility>

#include "adapter/randomness.h"

namespace icws::adapter {

ws::MaskKey MaskKeys::next() {
  if (used_ == kKeys) {
    fill_random({reinterpret_cast<uint8_t*>(keys_), sizeof keys_});
    used_ = 0;
  }
  return keys_[used_++];
}

SendQueue::Accepted SendQueue::push(uint64_t sequence, replica::MessageKind kind, BytesView content) {
  if (sequence <= accepted_) return Accepted::kYes;
  const bool full = messages_.size() >= messages_max_ || (bytes_ > 0 && bytes_ + content.size() > bytes_max_);
  if (sequence != accepted_ + 1 || full) return Accepted::kFull;
  accepted_ = sequence;
  // Behind a Close frame nothing can be sent (RFC 6455, section 5.5.1).
  if (close_) return Accepted::kYes;
  messages_.push_back({sequence, kind, Bytes(content)});
  bytes_ += content.size();
  return Accepted::kYes;
}

void SendQueue::pong(BytesView payload) {
  if (pongs_.size() == kPongsMax) pongs_.erase(pongs_.begin());
  pongs_.emplace_back(payload);
}

void SendQueue::close(ws::CloseCode code, BytesView reason, bool at_once) {
  if (close_) return;
  close_ = CloseFrame{code, std::string(ws::fit_close_reason(reason))};
  if (at_once) messages_.clear();
}

void SendQueue::release_idle() {
  if (deflater_) deflater_->release_idle();
}

void SendQueue::clear() {
  messages_.clear();
  bytes_ = 0;
  pongs_ = {};
  deflater_.reset();
}

void SendQueue::encode(Bytes& out, size_t bytes, MaskKeys& keys) {
  if (close_encoded_) return;
  // Precondition holds: a ping's payload has 125 bytes at most.
  for (const Bytes& payload : pongs_) (void)ws::append_pong(out, payload, keys.next());
  control_encoded_ += pongs_.size();
  pongs_.clear();
  if (std::exchange(ping_, false)) {
    (void)ws::append_ping(out, {}, keys.next());
    ++control_encoded_;
  }
  ws::Deflater* const deflater = deflater_ ? &*deflater_ : nullptr;
  while (!messages_.empty() && out.size() < bytes) {
    const auto& message = messages_.front();
    if (message.kind == replica::MessageKind::Text) {
      (void)ws::append_text(out, message.content, keys.next(), deflater);
    } else {
      ws::append_binary(out, message.content, keys.next(), deflater);
    }
    encoded_ = message.sequence;
    bytes_ -= message.content.size();
    messages_.pop_front();
  }
  if (close_ && messages_.empty()) {
    // A code or reason that may not be sent becomes an empty Close frame.
    if (!ws::append_close(out, close_->code, close_->reason, keys.next())) {
      (void)ws::append_close(out, ws::kCloseNoStatus, {}, keys.next());
    }
    close_encoded_ = true;
    ++control_encoded_;
  }
}

}  // namespace icws::adapter
