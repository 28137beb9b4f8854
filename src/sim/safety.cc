#include "sim/safety.h"

#include <algorithm>

#include "base/decimal.h"
#include "sim/canister.h"

namespace icws::sim {
namespace {

constexpr size_t kViolationsKept = 16;
constexpr size_t kEntriesAtOnce = 10'000;
// How far back in a key a message is looked for that should have come before.
constexpr uint64_t kLookBack = 12;
// A message that all honest members have comes after the wait for one that holds it up (400 ms) and a few
// blocks, of which Byzantine proposers may leave some empty.
constexpr Milliseconds kHeldUp{400};
constexpr uint64_t kBlocksLate = 14;

bool calm(const Plan& plan) {
  return plan.faults.empty() && plan.section_items == 0 && plan.inbox_bytes == 0 &&
         plan.delivery_bytes == 0 && plan.block_content_bytes == 0 && plan.report_bytes == 0;
}

std::string name(ConnectionId id, const std::string& text) {
  return "connection " + std::to_string(id.value) + ", message " + text;
}

}  // namespace

SafetyChecker::SafetyChecker(uint32_t replicas, const Ledger& ledger, const Servers& servers,
                             const Plan& plan)
    : quorum_(replicas), ledger_(ledger), servers_(servers), plan_(plan), calm_(calm(plan)) {}

void SafetyChecker::violation(std::string what) {
  if (violations_.size() < kViolationsKept) violations_.push_back(std::move(what));
}

void SafetyChecker::block(Height height, const std::map<uint32_t, Digest>& app_hashes) {
  if (app_hashes.empty()) return;
  const Digest first = app_hashes.begin()->second;
  for (const auto& [replica, hash] : app_hashes) {
    if (hash == first) continue;
    violation("height " + std::to_string(height.value) + ": replica " + std::to_string(replica) +
              " has another app hash than replica " + std::to_string(app_hashes.begin()->first));
  }
  digest_ = Sha256().update(digest_).update(first).finish();
}

void SafetyChecker::entries(const replica::Replica& replica, Milliseconds now) {
  for (const replica::ConnectionView& view : replica.connections()) {
    Agreed& agreed = connections_[view.id];
    agreed.feed = view.mode == replica::Mode::Feed;
    agreed.ordered = view.mode == replica::Mode::Ordered;
    note_sends(replica.state());
    const size_t before = agreed.sequence.size();
    const Epoch epoch = agreed.epoch;
    for (const transcript::Entry& one : replica.transcript(view.id, agreed.last.next(), kEntriesAtOnce)) {
      if (one.sequence != agreed.last.next()) violation("a hole in a transcript");
      agreed.last = one.sequence;
      entry(view.id, agreed, one, replica.state(), now);
    }
    if (agreed.ordered && (agreed.sequence.size() != before || agreed.epoch != epoch))
      prefix(view.id, agreed);
  }
}

void SafetyChecker::entry(ConnectionId id, Agreed& agreed, const transcript::Entry& entry,
                          const replica::State& state, Milliseconds now) {
  if (entry.epoch < agreed.epoch) violation("an epoch that is over");
  if (entry.epoch > agreed.epoch) {
    if (agreed.ordered && !agreed.sequence.empty()) prefix(id, agreed);
    agreed.sequence.clear();
    agreed.epoch = entry.epoch;
  }
  if (const auto* message = std::get_if<transcript::Message>(&entry.what)) {
    ++messages_;
    if (agreed.feed) {
      feed_message(id, agreed, message->content, now);
    } else {
      agreed.sequence.push_back(message->content);
    }
  } else if (const auto* mark = std::get_if<transcript::Gap>(&entry.what)) {
    gap(id, agreed, mark->count, now);
  } else if (std::holds_alternative<transcript::Opened>(entry.what)) {
    opened(id, agreed, state);
  } else if (const auto* end = std::get_if<transcript::Closed>(&entry.what)) {
    closed(id, agreed, *end, now);
  } else if (const auto* value = std::get_if<transcript::Reading>(&entry.what)) {
    reading(agreed, *value, entry.time - kRunBegins);
  } else if (const auto* sent = std::get_if<transcript::Sent>(&entry.what)) {
    receipt(id, *sent);
  }
}

// Every honest member was told the time, so the median must be one of the last seconds, whatever a liar said.
void SafetyChecker::reading(Agreed& agreed, const transcript::Reading& reading, Milliseconds at) {
  // Agreement time stands still, or nearly, while there is no quorum.
  const bool halts = std::ranges::any_of(plan_.faults, [](const FaultPlan& fault) {
    return fault.kind != FaultKind::Outage && fault.kind != FaultKind::Cut &&
           fault.kind != FaultKind::Rotate && fault.kind != FaultKind::Late;
  });
  const Milliseconds slack(halts ? 6'000 : 5);
  ++messages_;
  agreed.read_at = at;
  const auto median = Decimal::parse(reading.median);
  const auto time = [](Milliseconds ms) {
    return Decimal::parse(std::to_string(std::max<int64_t>(ms.count(), 0))).value();
  };
  if (!median || *median > time(at) || *median < time(at - kValueAgeMax - slack))
    violation("a median of " + reading.median + " at " + std::to_string(at.count()) + " ms");
  if (reading.responses <= 2 * agreement::Quorum(reading.members).f())
    violation("a median of too few values");
}

void SafetyChecker::opened(ConnectionId id, const Agreed& agreed, const replica::State& state) {
  const auto slot = state.connections.find(id);
  if (slot == state.connections.end() || slot->second.record.agreement.epoch != agreed.epoch) return;
  const std::vector<ReplicaIndex>& committee = slot->second.record.agreement.committee;
  const auto may_be = std::ranges::count_if(committee, [&](ReplicaIndex member) {
    return ledger_.faulty(member.value) || ledger_.is_open(member.value, id, agreed.epoch);
  });
  if (!agreement::Quorum(static_cast<uint32_t>(committee.size())).is_quorum(static_cast<uint32_t>(may_be)))
    violation("connection " + std::to_string(id.value) + ": opened for too few");
}

void SafetyChecker::note_sends(const replica::State& state) {
  for (const auto& [id, slot] : state.connections) {
    for (const replica::QueuedSend& send : slot.outbox.messages)
      sends_[id].try_emplace(send.sequence, send.content);
  }
}

void SafetyChecker::receipt(ConnectionId id, const transcript::Sent& sent) {
  const ConnectionPlan& plan = plan_.connections[id.value - 1];
  const uint32_t named = plan.writers == WritersPlan::All    ? quorum_.q()
                         : plan.writers == WritersPlan::Some ? quorum_.f() + 1
                                                             : 1;
  const uint32_t honest = named - std::min(named, ledger_.faulty_count());
  for (SendSequence at = sent.first; at <= sent.last; at = at.next()) {
    const auto content = sends_[id].find(at);
    if (content == sends_[id].end()) {
      violation("connection " + std::to_string(id.value) + ": a receipt of what nobody sent");
      return;
    }
    const bool written = ledger_.members_that_wrote(id, content->second) >= honest &&
                         std::ranges::all_of(sent.writers, [&](ReplicaIndex writer) {
                           return ledger_.has_written(writer.value, id, content->second);
                         });
    if (written) continue;
    violation("connection " + std::to_string(id.value) + ": a receipt of what too few have written");
    return;
  }
}

void SafetyChecker::complete_at_end(ConnectionId id, const Agreed& agreed, const std::string& where,
                                    Milliseconds now) {
  // Before the loss was known.
  constexpr Milliseconds kReported{500};
  const bool only_outages = std::ranges::all_of(plan_.faults, [](const FaultPlan& fault) {
    return fault.kind == FaultKind::Outage || fault.kind == FaultKind::Cut || fault.kind == FaultKind::Rotate;
  });
  if (!only_outages || plan_.section_items > 0 || plan_.report_bytes > 0) return;
  if (plan_.connections[id.value - 1].kind == ServerKind::Jitter) return;
  uint64_t missing = 0;
  for (const std::string& text : ledger_.seen_by_any(id)) {
    const auto seen = ledger_.seen_by_all(id, text);
    missing += seen && *seen + kReported <= now && !agreed.texts.contains(text);
  }
  if (missing > agreed.gaps)
    violation(where + ", though " + std::to_string(missing) + " messages could be agreed before");
}

void SafetyChecker::closed(ConnectionId id, Agreed& agreed, const transcript::Closed& closed,
                           Milliseconds now) {
  using transcript::Cause;
  ++closes_;
  agreed.closes.push_back(closed.cause);
  const std::string where = "connection " + std::to_string(id.value) + ": ended, " +
                            std::string(transcript::cause_name(closed.cause));
  const ConnectionPlan& plan = plan_.connections[id.value - 1];
  // The replicas' own words; any other must be some honest member's.
  const bool own = closed.cause == Cause::Connection || closed.cause == Cause::Timeout ||
                   closed.cause == Cause::Adapter || closed.cause == Cause::Stalled ||
                   closed.cause == Cause::Diverged || closed.cause == Cause::Membership;
  const auto left = std::ranges::count(plan_.faults, FaultKind::Leave, &FaultPlan::kind);
  if (closed.cause == Cause::Membership && !quorum_.has_honest(static_cast<uint32_t>(left)))
    violation(where + ", though its committee can do without those who left");
  if (!own && !ledger_.ended_with(closed.cause)) violation(where + ", which no honest replica said");
  // Who comes late to an epoch does not send what is freed, and an echo tells it something else.
  const bool late = plan.kind == ServerKind::Echo && ledger_.faulty_count() > 0 && !plan_.faults.empty();
  if (closed.cause == Cause::Diverged && plan.lied_to == 0 && !late)
    violation(where + ", though all were told the same");
  if (closed.cause == Cause::Timeout && plan.shut_out == 0 && calm_)
    violation(where + ", though the server let all in");
  if (closed.cause == Cause::Stalled && plan_.faults.empty() && plan.lied_to == 0)
    violation(where + ", though all had the same");
  if (agreed.feed && calm_ && plan.shut_out == 0) violation(where + ", though nobody lost it");
  if (agreed.feed) complete_at_end(id, agreed, where, now);
}

void SafetyChecker::feed_message(ConnectionId id, Agreed& agreed, const std::string& text, Milliseconds now) {
  const uint64_t copies = ++agreed.texts[text];
  // Each agreed copy takes one from a quorum, of which all but the faulty ones had it on their own sockets.
  const uint64_t honest = quorum_.q() - ledger_.faulty_count();
  if (ledger_.copies(id, text) < honest * copies)
    violation(name(id, text) + ": agreed " + std::to_string(copies) + " times, seen by " +
              std::to_string(ledger_.members_with(id, text)) + " honest replicas, " +
              std::to_string(ledger_.copies(id, text)) + " times");
  if (copies > 1) return;
  agreed.slow += now - *ledger_.first_seen(id, text) >= kHeldUp;
  order(id, agreed, text, now);
  latency(id, text, now);
}

void SafetyChecker::latency(ConnectionId id, const std::string& text, Milliseconds now) {
  const auto seen = ledger_.seen_by_all(id, text);
  if (!calm_ || !seen) return;
  // Repeated contents close cycles, and a later copy waits in one until its reporters give it up.
  if (plan_.connections[id.value - 1].kind == ServerKind::Jitter) return;
  const Milliseconds longest = kHeldUp + kBlocksLate * plan_.block_interval;
  if (now - *seen > longest)
    violation(name(id, text) + ": " + std::to_string((now - *seen).count()) +
              " ms after the last honest replica saw it");
}

void SafetyChecker::order(ConnectionId id, Agreed& agreed, const std::string& text, Milliseconds now) {
  const auto place = servers_.place(id.value - 1, text);
  if (!place) return;
  Key& key = keys_[{id, place->key}];
  for (auto later = key.came.upper_bound(place->serial); later != key.came.end(); ++later) {
    if (!ledger_.all_before(id, text, later->second)) continue;
    // One that expired may come behind the mark that counted it; one that members gave up has none.
    const bool cut = plan_.section_items > 0 || plan_.report_bytes > 0;
    if (++late_[id] <= agreed.gaps || (cut && plan_.may_give_up())) break;
    violation(name(id, text) + ": after " + later->second + ", which nobody received first");
    break;
  }
  key.came.emplace(place->serial, text);
  // What everyone received before it is there, or in a gap: but for what members gave up because it did not
  // fit into their lists.
  if (plan_.may_give_up()) return;
  uint64_t missing = 0;
  for (uint64_t back = 1; back <= kLookBack && back < place->serial; ++back) {
    const auto earlier = servers_.text_at(id.value - 1, Place{place->key, place->serial - back});
    if (!earlier || agreed.texts.contains(*earlier) || !ledger_.all_before(id, *earlier, text)) continue;
    // What finds no quorum for so long its reporters give up, each by itself.
    missing += now < *ledger_.first_seen(id, *earlier) + kDropAfter;
  }
  if (agreed.closes.empty() && missing > agreed.gaps)
    violation(name(id, text) + ": " + std::to_string(missing) +
              " that everyone received before it are neither agreed nor in a gap");
}

void SafetyChecker::gap(ConnectionId id, Agreed& agreed, uint64_t count, Milliseconds now) {
  agreed.gaps += count;
  gaps_ += count;
  if (count == 0) violation("a gap mark of nothing");
  // Where contents repeat, one text stands for many.
  const ConnectionPlan& plan = plan_.connections[id.value - 1];
  if (plan.kind == ServerKind::Jitter) return;
  uint64_t missing = 0, waited = agreed.slow;
  for (const std::string& text : ledger_.seen_by_any(id)) {
    if (agreed.texts.contains(text)) continue;
    ++missing;
    waited += now - *ledger_.first_seen(id, text) >= kHeldUp;
  }
  if (plan.kind == ServerKind::Feed && !plan.drop_oldest && agreed.gaps > waited)
    violation("connection " + std::to_string(id.value) + ": a gap mark of " + std::to_string(count) +
              ", of messages that may still be on their way");
  if (count > missing)
    violation("connection " + std::to_string(id.value) + ": a gap mark of " + std::to_string(count) +
              " where " + std::to_string(missing) + " messages are missing");
}

void SafetyChecker::finish() {
  for (const auto& [id, agreed] : connections_) {
    const ConnectionPlan& plan = plan_.connections[id.value - 1];
    // Sockets that are behind each other for nearly as long as a message is waited for, or for ever.
    constexpr uint32_t kSkewMax = 160;
    if (plan.lag + plan.spread > kSkewMax || plan.shut_out > 0 || plan.drop_oldest) continue;
    // While the inbox is full nobody reads on, and some further than others.
    if (!plan_.faults.empty() || plan_.section_items > 0 || plan_.report_bytes > 0 || plan_.inbox_bytes > 0)
      continue;
    if (plan.kind != ServerKind::Feed) continue;
    // Fewer than a quorum ever had them. (Sockets open one after the other.)
    uint64_t missed = 0;
    for (const std::string& text : ledger_.seen_by_any(id))
      missed += ledger_.members_with(id, text) < quorum_.q();
    if (agreed.gaps > missed)
      violation("connection " + std::to_string(id.value) + ": " + std::to_string(agreed.gaps) +
                " messages in gaps, though only " + std::to_string(missed) + " found no quorum");
  }
}

void SafetyChecker::prefix(ConnectionId id, const Agreed& agreed) {
  if (ledger_.members_with_prefix(id, agreed.epoch, agreed.sequence) + ledger_.faulty_count() >= quorum_.q())
    return;
  violation("connection " + std::to_string(id.value) + ", epoch " + std::to_string(agreed.epoch.value) +
            ": " + std::to_string(agreed.sequence.size()) +
            " messages that too few honest replicas saw in this order, " + "the last is " +
            (agreed.sequence.empty() ? "none" : agreed.sequence.back()));
}

}  // namespace icws::sim
