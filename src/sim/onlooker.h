// What a Byzantine proposer can work out: the sections that are in force, and logs of all that any socket has
// brought.
#pragma once

#include <deque>
#include <functional>
#include <optional>

#include "agreement/feed_log.h"
#include "agreement/ordered_log.h"
#include "agreement/report_codec.h"
#include "replica/application.h"
#include "replica/report_window.h"
#include "replica/state.h"
#include "sim/ledger.h"

namespace icws::sim {

// What: see above; follows the chain beside one replica. Thread-safety: none. Lifetime: `params` and `ledger`
// must outlive it.
class Onlooker {
 public:
  Onlooker(const agreement::AgreementParams& params, const Ledger& ledger)
      : params_(params), ledger_(ledger), window_(params.blocks_in_force) {}

  // After each block that the replica has executed, and its app hash then; a replay begins anew.
  void block(Height height, const std::optional<agreement::Payload>& payload, const Digest& app_hash);
  // Calls `look` with the sections that count in a block of `height` with these reports.
  void with(const std::vector<agreement::CarriedReport>& reports, Height height,
            const std::function<void(const replica::ReportWindow&)>& look);
  // What the first socket of `member` has brought in the connection's epoch, brought up to the agreed state.
  // Empty: nothing, or something else than what is agreed.
  std::optional<agreement::OrderedLog> ordered_log(const replica::Connection& record, uint32_t member) const;
  // Everything that any socket has brought, with the key that the synthetic feeds' texts name.
  agreement::FeedLog feed_log(ConnectionId connection) const;

 private:
  replica::BlockReports counted(const std::vector<agreement::CarriedReport>& reports, Height height) const;

  const agreement::AgreementParams& params_;
  const Ledger& ledger_;
  replica::ReportWindow window_;
  Height height_;
  // After the last blocks, the newest at the back.
  std::deque<Digest> hashes_;
};

// The order key that the transform takes from a synthetic feed's text; empty where there is none.
std::optional<Bytes> feed_key(const std::string& text);

}  // namespace icws::sim
