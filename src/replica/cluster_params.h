// What must be equal on all replicas of a subnet. Its hash is in the genesis state: a replica with other
// parameters stops at the first block instead of drifting away.
#pragma once

#include <string>
#include <vector>

#include "agreement/params.h"
#include "base/bytes.h"
#include "base/hash.h"
#include "base/time.h"
#include "replica/pricing.h"

namespace icws::replica {

// What an adapter accepts at most for one message (proto/icws/adapter/v1/adapter.proto). Bytes.
inline constexpr uint32_t kAdapterMessageBytesMax = 2'000'000;

// Bytes of an order key: a channel and a symbol. With a key as large as the message, neither a block nor an
// inbox would hold a large one, and everything behind it would wait for ever.
inline constexpr uint32_t kKeyBytesMax = 4 * 1024;
// What a canister may ask for in mode delegated: with key and frame it fits into the smallest
// batch_bytes_max.
inline constexpr uint64_t kDelegatedMessageBytesMax = 200'000;
// Bytes in the inbox, kept free for closing and gap entries.
inline constexpr uint32_t kInboxReserveBytes = 4 * 1024;

struct ClusterParams {
  // 1 to 50 printable characters. Bound by every report.
  std::string chain_id;
  // Ed25519 public keys, 32 bytes each, by replica index; 1 to 40.
  std::vector<Bytes> replica_keys;
  agreement::AgreementParams agreement;
  PriceParams price;

  // Bytes of one report. 32 KiB x 40 members stay far below what a block can carry.
  uint32_t report_bytes_max = 32 * 1024;
  // Bytes of contents in one block as agreement::carried_bytes counts them, beside the reports: one maximum
  // message always fits.
  uint32_t block_content_bytes_max = 2 * 1024 * 1024;
  // Bytes; as HTTPS outcalls limit a response. At most kAdapterMessageBytesMax.
  uint32_t message_bytes_max = kAdapterMessageBytesMax;
  uint32_t connections_max = 3'000;
  uint32_t connections_per_canister_max = 300;
  // Bytes of undelivered entries and of unsent messages, per connection.
  uint32_t inbox_bytes_max = 4 * 1024 * 1024;
  uint32_t outbox_bytes_max = 4 * 1024 * 1024;
  // Messages and bytes of a subscription script.
  uint32_t script_messages_max = 256;
  uint32_t script_bytes_max = 64 * 1024;
  // A canister that traps this often in a row on one connection loses it.
  uint32_t traps_in_a_row_max = 10;
  // Steps of a canister's own transform for one message, and beside them for each of its bytes: work in
  // proportion to what the server sends.
  uint32_t transform_steps_base = 20'000;
  uint32_t transform_steps_per_byte = 100;
  // A connection whose transform fails this often in a row has no use, and costs its canister cycles.
  uint32_t transform_failures_in_a_row_max = 100;
  // Bytes of entries handed to canisters in one block; the rest waits in the inboxes.
  uint32_t delivery_bytes_per_block_max = 8 * 1024 * 1024;
  // Newest entries of a connection's transcript that a replica keeps for readers.
  uint32_t transcript_entries_kept = 100'000;
  // Newest ended connections whose record and transcript are kept.
  uint32_t closed_connections_kept = 1'000;
  // For how many blocks a transaction is remembered, so that it runs once.
  uint32_t transaction_memory_blocks = 1'000;
  // Bytes of one batch of mode delegated. Of 16 replicas each has so much of a block's transactions (4 MiB).
  uint32_t batch_bytes_max = 256 * 1024;
  // Bytes of one transaction.
  uint32_t transaction_bytes_max = 1024 * 1024;
  // Back-off before a new epoch, doubled from the first to the second with each failure.
  Milliseconds reconnect_first{1'000};
  Milliseconds reconnect_longest{60'000};
  // Cycles of each canister at genesis: days of the busiest feeds on a development subnet.
  Cycles initial_cycles = 1'000'000'000'000'000;

  // Over every field above.
  Digest hash() const;
  // What is wrong with the fields taken together, a sentence each; empty if nothing.
  std::vector<std::string> faults() const;
};

}  // namespace icws::replica
