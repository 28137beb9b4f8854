#include "replica/cluster_params.h"

#include "agreement/delegated_rules.h"
#include "agreement/ordered_rules.h"
#include "base/archive.h"
#include "transcript/parts.h"

namespace icws::replica {
namespace {

// With its frame, in a transaction.
constexpr uint32_t kBatchSignatureBytesMax = 128;

}  // namespace

Digest ClusterParams::hash() const {
  ArchiveWriter writer;
  writer(chain_id, replica_keys);
  writer(agreement.blocks_in_force, agreement.head_window, agreement.decision_digests_max,
         agreement.section_items_max, agreement.section_values_max, agreement.hold_back, agreement.absorb,
         agreement.drop_after, agreement.stall, agreement.lost_grace, agreement.write_timeout);
  writer(report_bytes_max, block_content_bytes_max, message_bytes_max, connections_max,
         connections_per_canister_max, inbox_bytes_max, outbox_bytes_max, script_messages_max,
         script_bytes_max, traps_in_a_row_max, transform_steps_base, transform_steps_per_byte,
         transform_failures_in_a_row_max, delivery_bytes_per_block_max, transcript_entries_kept,
         closed_connections_kept, transaction_memory_blocks, batch_bytes_max, transaction_bytes_max,
         reconnect_first, reconnect_longest, initial_cycles, price);
  return sha256(writer.bytes());
}

std::vector<std::string> ClusterParams::faults() const {
  std::vector<std::string> out;
  const auto at_least = [&](const char* name, uint32_t value, const char* other, uint32_t minimum) {
    if (value >= minimum) return;
    out.push_back(std::string(name) + " must be at least " + other + ", " + std::to_string(minimum));
  };
  if (message_bytes_max > kAdapterMessageBytesMax) {
    out.push_back("message_bytes_max must be at most " + std::to_string(kAdapterMessageBytesMax) +
                  ", an adapter's limit");
  }
  // Else the largest message would hold up its connection for ever. In a feed's inbox a gap mark may have to
  // stand before it, for which as much again is kept.
  const uint32_t largest = message_bytes_max + kKeyBytesMax + agreement::kEntryOverheadBytes;
  // The same in an inbox, where it may come in parts.
  const auto parts =
      static_cast<uint32_t>(transcript::parts_bound(message_bytes_max, transcript::kPartBytesMin));
  const uint32_t entries = largest + (parts - 1) * agreement::kEntryOverheadBytes;
  at_least("block_content_bytes_max", block_content_bytes_max, "message_bytes_max and an order key", largest);
  at_least("inbox_bytes_max", inbox_bytes_max,
           "twice message_bytes_max in parts, two order keys and the reserve",
           2 * entries + kInboxReserveBytes);
  at_least("outbox_bytes_max", outbox_bytes_max, "message_bytes_max", message_bytes_max);
  at_least("outbox_bytes_max", outbox_bytes_max, "script_bytes_max", script_bytes_max);
  at_least("batch_bytes_max", batch_bytes_max, "a delegated connection's largest message with key and frame",
           kDelegatedMessageBytesMax + kKeyBytesMax + agreement::kBatchOverheadBytes +
               agreement::kBatchMessageOverheadBytes);
  at_least("transaction_bytes_max", transaction_bytes_max, "batch_bytes_max and a signature",
           batch_bytes_max + kBatchSignatureBytesMax);
  at_least("connections_max", connections_max, "connections_per_canister_max", connections_per_canister_max);
  if (reconnect_longest < reconnect_first)
    out.emplace_back("reconnect_longest must be at least reconnect_first");
  for (const std::string& what : price.faults()) out.push_back("price: " + what);
  return out;
}

}  // namespace icws::replica
