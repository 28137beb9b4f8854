#include "replica/cluster_params.h"

#include "base/archive.h"

namespace icws::replica {

Digest ClusterParams::hash() const {
  ArchiveWriter writer;
  writer(chain_id, replica_keys);
  writer(agreement.blocks_in_force, agreement.head_window, agreement.decision_digests_max,
         agreement.section_items_max, agreement.hold_back, agreement.absorb, agreement.drop_after,
         agreement.stall, agreement.lost_grace);
  writer(report_bytes_max, block_content_bytes_max, message_bytes_max, connections_max,
         connections_per_canister_max, inbox_bytes_max, outbox_bytes_max, script_messages_max,
         script_bytes_max, traps_in_a_row_max, delivery_bytes_per_block_max, transcript_entries_kept,
         closed_connections_kept, transaction_memory_blocks, transaction_bytes_max, reconnect_first,
         reconnect_longest);
  return sha256(writer.bytes());
}

}  // namespace icws::replica
