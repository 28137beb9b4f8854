#include "engine/local/block_message.h"

#include "icws/engine/v1/engine.pb.h"

namespace icws::engine {

void to_message(const replica::Block& block, v1::Block& out) {
  out.set_height(block.height.value);
  out.set_time_ms(static_cast<uint64_t>(block.time.time_since_epoch().count()));
  out.set_payload(block.payload);
  for (const Bytes& transaction : block.transactions) out.add_transactions(transaction);
}

replica::Block from_message(const v1::Block& message) {
  replica::Block block;
  block.height = Height(message.height());
  block.time = BlockTime(Milliseconds(static_cast<int64_t>(message.time_ms())));
  block.payload = message.payload();
  block.transactions.assign(message.transactions().begin(), message.transactions().end());
  return block;
}

void to_message(const replica::SignedReport& report, v1::SignedReport& out) {
  out.set_member(report.member.value);
  out.set_height(report.height.value);
  out.set_report(report.report);
  out.set_signature(report.signature);
}

replica::SignedReport from_message(const v1::SignedReport& message) {
  return {ReplicaIndex(message.member()), Height(message.height()), message.report(), message.signature()};
}

void to_message(const replica::Rejection& rejection, v1::Rejection& out) {
  out.set_kind(static_cast<uint32_t>(rejection.kind));
  out.set_message(rejection.message);
}

replica::Rejection from_message(const v1::Rejection& message) {
  const bool known = message.kind() >= static_cast<uint32_t>(replica::RejectionKind::Malformed) &&
                     message.kind() <= static_cast<uint32_t>(replica::RejectionKind::DoubleVote);
  return {known ? static_cast<replica::RejectionKind>(message.kind()) : replica::RejectionKind::Malformed,
          message.message()};
}

Bytes encode_logged_block(const LoggedBlock& block) {
  v1::LoggedBlock message;
  to_message(block.block, *message.mutable_block());
  message.set_previous_app_hash(std::string(block.previous_app_hash.view()));
  for (const ReplicaIndex member : block.members) message.add_members(member.value);
  return message.SerializeAsString();
}

std::optional<LoggedBlock> decode_logged_block(BytesView bytes) {
  v1::LoggedBlock message;
  if (bytes.size() > INT32_MAX || !message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return std::nullopt;
  }
  const auto previous = Digest::from(message.previous_app_hash());
  if (!previous) return std::nullopt;
  LoggedBlock out{from_message(message.block()), *previous, {}};
  for (const uint32_t member : message.members()) out.members.emplace_back(member);
  return out;
}

}  // namespace icws::engine
