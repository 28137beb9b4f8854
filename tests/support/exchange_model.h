// A synthetic exchange: what several clients of one market-data server would see, from a seed.
//
// It has the traits of recorded connections: every connection gets its own ids (and, if wanted, timestamps)
// and its own interleaving across channels, but within one channel and symbol the same order; a late joiner
// sees messages from its join on only; rarely one connection lacks a message.
#pragma once

#include <cstdint>
#include <vector>

#include "base/prng.h"
#include "tests/support/capture.h"

namespace icws::support {

struct ExchangeOptions {
  uint64_t seed = 1;
  uint32_t symbols = 10;               // each with its channels: candles, trades, ticker, order book
  uint32_t updates = 730;              // ticker and order-book messages after the snapshots
  int64_t duration_us = 30'000'000;    // over which the updates are spread
  int64_t reorder_us = 40'000;         // how far a message may be late on one connection but not on another
  uint32_t losses_per_million = 0;     // chance that one connection lacks one update
  bool acknowledgements = true;        // one `result` per subscription, with the connection's own id
  bool timestamps = false;             // a top-level member "received" that differs on each connection
  std::vector<int64_t> joins_us = {};  // when connection i joins; 0 where the list ends
};

// What: the exchange. A pure function of its options: the same streams on every machine, no clock.
// Thread-safety: const after construction. Errors: none.
class ExchangeModel {
 public:
  explicit ExchangeModel(ExchangeOptions options);

  // What each client is expected to send: the same for all but the id, as in the recordings.
  std::vector<Bytes> subscriptions_for(uint32_t connection) const;
  // What connection 0, 1, ... receives.
  std::vector<TimedMessage> stream_for(uint32_t connection) const;
  // Both, for connections 0 .. count-1.
  std::vector<RecordedStream> streams(uint32_t count) const;

 private:
  // A message as the exchange made it; every connection gets a copy, later or never.
  struct Published {
    int64_t at_us;
    uint32_t channel;  // index of the (method, symbol) pair
    Bytes head;        // up to the closing brace of the object
    bool update;       // not a snapshot
  };

  void publish_snapshots(Prng& prng);
  void publish_updates(Prng& prng);
  int64_t join_us(uint32_t connection) const;

  ExchangeOptions options_;
  std::vector<Published> published_;  // by at_us
};

}  // namespace icws::support
