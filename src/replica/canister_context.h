// The effects of one callback, held back until it has ended well.
#pragma once

#include <map>
#include <string>
#include <variant>
#include <vector>

#include "replica/canister.h"
#include "replica/cluster_params.h"
#include "replica/journal.h"
#include "replica/report_window.h"
#include "replica/state.h"

namespace icws::replica {

// What: the context of one callback of canister `self`. Reads the state, collects effects, applies them on
// demand. Thread-safety: none. Lifetime: within the callback and apply().
class EffectContext final : public CanisterContext {
 public:
  EffectContext(State& state, Journal& journal, const ReportWindow& window, const ClusterParams& params,
                const CodeLibrary& library, std::string self);

  BlockTime time() const override { return journal_.time(); }
  std::expected<ConnectionId, Reject> ws_open(const OpenArguments& arguments) override;
  std::expected<SendSequence, Reject> ws_data(ConnectionId connection, MessageKind kind,
                                              Bytes content) override;
  std::expected<SendSequence, Reject> ws_resubscribe(ConnectionId connection) override;
  std::expected<void, Reject> ws_close(ConnectionId connection, uint16_t code, std::string reason) override;
  std::expected<StatusReply, Reject> ws_status(ConnectionId connection) const override;
  AccountReply ws_account() const override;

  // The callback ended well: what it asked for happens, in its order.
  void apply();

 private:
  struct Open {
    ConnectionId id;
    OpenArguments arguments;
  };
  struct Send {
    ConnectionId id;
    QueuedSend message;
  };
  struct Close {
    ConnectionId id;
    uint16_t code;
    std::string reason;
  };
  // What this callback has done to a connection so far.
  struct Pending {
    Usage usage;
    uint64_t sends = 0;
    uint64_t bytes = 0;
    bool opened = false;
    // Of one that was opened.
    Mode mode = Mode::Ordered;
    Writers writers = Writers::All;
    bool closed = false;
  };

  // Who agrees on an epoch that begins now.
  const ReplicaSet& committee() const;
  uint32_t members() const { return committee().quorum().n; }
  std::expected<void, Reject> check_quota() const;
  // What this callback has done so far can be paid, and `price` beside it.
  std::expected<void, Reject> check_funds(const Usage& price) const;
  // Queues messages of one connection, all or none; `slot` as find_open() gives it. The last one's sequence.
  std::expected<SendSequence, Reject> queue(ConnectionId connection, const ConnectionSlot* slot,
                                            std::vector<OutgoingMessage> messages, bool everyone);
  // The connection, if it is this canister's and has not ended; a connection opened in this callback has no
  // slot yet.
  std::expected<const ConnectionSlot*, Reject> find_open(ConnectionId id) const;
  void perform(const Open& open);
  void perform(const Send& send);
  void perform(const Close& close);

  State& state_;
  Journal& journal_;
  const ReportWindow& window_;
  const ClusterParams& params_;
  const CodeLibrary& library_;
  const std::string self_;
  ConnectionId last_connection_;
  // What the effects so far cost.
  Usage price_;
  std::map<ConnectionId, Pending> pending_;
  std::vector<std::variant<Open, Send, Close>> effects_;
};

}  // namespace icws::replica
