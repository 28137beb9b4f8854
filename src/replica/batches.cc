#include "replica/batches.h"

#include <algorithm>

#include "replica/billing.h"
#include "replica/block_step.h"
#include "replica/closing.h"
#include "replica/transaction_tag.h"
#include "ws/utf8.h"

namespace icws::replica {
namespace {

using agreement::Batch;
using agreement::BatchFault;

const char* reason_of(BatchFault fault) {
  switch (fault) {
    case BatchFault::WrongTerm:
      return "the batch is void: another term";
    case BatchFault::WrongSequence:
      return "the batch is void: not the next one";
    case BatchFault::WrongPrevious:
      return "the batch is void: it follows another batch";
    case BatchFault::WrongContent:
      return "the batch is void: its content cannot be";
    case BatchFault::InboxFull:
      return "the batch is void: the inbox is full";
  }
  return "the batch is void";
}

// One block's batches.
class BatchRun {
 public:
  BatchRun(State& state, Journal& journal, const ReportVerifier& verifier, const ReportWindow& window,
           const ClusterParams& params)
      : state_(state), journal_(journal), verifier_(verifier), window_(window), params_(params) {}

  TransactionResult run(const SignedBatch& signed_batch) {
    const auto batch = archive_decode<Batch>(signed_batch.batch);
    if (!batch || signed_batch.batch.size() > params_.batch_bytes_max) {
      return {false, "the batch does not decode, or is over the limit"};
    }
    const auto slot = state_.connections.find(batch->connection);
    if (slot == state_.connections.end() || slot->second.record.arguments.mode != Mode::Delegated) {
      return {false, "the batch is void: there is no such connection"};
    }
    const Connection& record = slot->second.record;
    if (record.phase != RecordPhase::Active || record.agreement.phase == agreement::Phase::Ended) {
      return {false, reason_of(BatchFault::WrongTerm)};
    }
    const bool open = record.agreement.phase == agreement::Phase::Open;
    auto outcome = agreement::take_batch(record.agreement.delegated, open, record.agreement.epoch, *batch,
                                         agreement::batch_digest(signed_batch.batch), context(slot->second));
    if (!outcome) return {false, reason_of(outcome.error())};
    if (!texts_valid(*batch)) return {false, reason_of(BatchFault::WrongContent)};
    // Last, for it is dear.
    const agreement::ReplicaKey* owner =
        state_.members.at(journal_.height())
            .find(agreement::delegated_owner(record.id, record.agreement.epoch, record.agreement.committee));
    const Bytes signed_bytes = agreement::batch_sign_bytes(params_.chain_id, signed_batch.batch);
    if (owner == nullptr || !verifier_.verify_batch(*owner, signed_bytes, signed_batch.signature)) {
      return {false, "the batch is void: the signature is not its owner's"};
    }
    apply(state_.connections.change(batch->connection), *batch, *owner, *outcome);
    return {true, {}};
  }

 private:
  agreement::DelegatedContext context(const ConnectionSlot& slot) const {
    agreement::DelegatedContext out;
    out.now = state_.global.now;
    out.inbox_bytes = context_for(slot, params_, journal_.height(), state_.global.now).inbox_bytes;
    out.message_bytes_max = slot.record.arguments.message_bytes_max;
    out.key_bytes_max = kKeyBytesMax;
    out.last_send = slot.record.last_send;
    return out;
  }

  // An adapter lets no other text through; an owner that lies could.
  static bool texts_valid(const Batch& batch) {
    return std::ranges::all_of(batch.messages, [](const transcript::Message& message) {
      return message.kind != transcript::ContentKind::Text || ws::utf8_valid(message.content);
    });
  }

  void apply(ConnectionSlot& slot, const Batch& batch, const agreement::ReplicaKey& owner,
             agreement::BatchOutcome& outcome) {
    Connection& record = slot.record;
    record.agreement.delegated = std::move(outcome.next);
    // Before the term may end, for the next owner writes what is not freed.
    free_sends(slot, journal_, {}, state_.global.now, params_);
    if (outcome.opened) {
      record.failures_in_a_row = 0;
      record.agreement.phase = agreement::Phase::Open;
      outcome.opened->owner = transcript::Owner{owner.index.value, owner.public_key};
      journal_.append(slot, std::move(*outcome.opened));
    }
    for (const transcript::Message& message : batch.messages) {
      if (!pay_entry(state_, record, message.content.size() + message.key.size(), params_)) {
        return close_connection(state_, slot, journal_, end_for(record, transcript::Cause::OutOfCycles), {},
                                params_);
      }
      journal_.append(slot, message);
    }
    if (!batch.end) return;
    const agreement::TermEnd ended =
        agreement::end_term(record.agreement.delegated, batch.end->cause, record.agreement.quorum());
    agreement::End end{ended.cause,
                       static_cast<uint16_t>(batch.end->code),
                       batch.end->reason,
                       record.agreement.delegated.was_open,
                       {}};
    end.hand_over = ended.hand_over;
    end_epoch(state_, slot, journal_, window_, end, params_);
  }

  State& state_;
  Journal& journal_;
  const ReportVerifier& verifier_;
  const ReportWindow& window_;
  const ClusterParams& params_;
};

}  // namespace

Bytes encode_batch_transaction(const SignedBatch& batch) {
  return tagged(TransactionTag::Batch, archive_encode(batch));
}

std::optional<SignedBatch> decode_batch_transaction(BytesView transaction) {
  const auto body = body_of(TransactionTag::Batch, transaction);
  return body ? archive_decode<SignedBatch>(*body) : std::nullopt;
}

std::vector<std::optional<TransactionResult>> run_batches(State& state, Journal& journal,
                                                          const std::vector<Bytes>& transactions,
                                                          const ReportVerifier& verifier,
                                                          const ReportWindow& window,
                                                          const ClusterParams& params) {
  BatchRun run(state, journal, verifier, window, params);
  std::vector<std::optional<TransactionResult>> out(transactions.size());
  for (size_t i = 0; i < transactions.size(); ++i) {
    if (transactions[i].size() > params.transaction_bytes_max) continue;
    if (const auto batch = decode_batch_transaction(transactions[i])) out[i] = run.run(*batch);
  }
  return out;
}

}  // namespace icws::replica
