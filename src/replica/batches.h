// Mode delegated inside a block: the batches among its transactions.
#pragma once

#include <optional>
#include <vector>

#include "replica/application.h"
#include "replica/cluster_params.h"
#include "replica/journal.h"
#include "replica/report_window.h"
#include "replica/state.h"

namespace icws::replica {

// An owner's batch, signed: what the transaction carries.
struct SignedBatch {
  // Archive encoding of an agreement::Batch.
  Bytes batch;
  // Over agreement::batch_sign_bytes, by the owner's key.
  Bytes signature;
  static void fields(auto& archive, auto& self) { archive(self.batch, self.signature); }
};
Bytes encode_batch_transaction(const SignedBatch& batch);
// Empty for every other transaction.
std::optional<SignedBatch> decode_batch_transaction(BytesView transaction);

// Runs a block's batches in their order, before anything else of the block: one that comes in time counts
// before the timers. By transaction: the result of a batch, nothing for every other one. A batch that is not
// the owner's next one is void and changes nothing. Deterministic.
std::vector<std::optional<TransactionResult>> run_batches(State& state, Journal& journal,
                                                          const std::vector<Bytes>& transactions,
                                                          const ReportVerifier& verifier,
                                                          const ReportWindow& window,
                                                          const ClusterParams& params);

}  // namespace icws::replica
