#include "engine/local/orderer.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <set>

#include "agreement/quorum.h"

namespace icws::engine {
namespace {

std::string name_of(size_t replica) { return "replica " + std::to_string(replica); }

bool contains(const std::vector<ReplicaIndex>& members, size_t replica) {
  return std::ranges::binary_search(members, ReplicaIndex(static_cast<uint32_t>(replica)));
}

size_t quorum_of(const std::vector<ReplicaIndex>& members) {
  return agreement::Quorum(static_cast<uint32_t>(members.size())).q();
}

}  // namespace

Orderer::Orderer(OrdererConfig config, BlockLog& log, std::vector<std::unique_ptr<ReplicaLink>> links,
                 Hooks hooks)
    : config_(config),
      log_(log),
      links_(std::move(links)),
      hooks_(std::move(hooks)),
      slots_(links_.size()),
      head_(log.head()),
      pool_(links_.size()) {
  for (Slot& slot : slots_) slot.recovery = std::make_shared<Recovery>();
  for (uint32_t i = 0; i < links_.size(); ++i) members_.emplace_back(i);
  if (const auto last = log_.read(head_)) {
    head_time_ = last->block.time;
    members_ = last->members;
  }
  next_members_ = members_;
  publish(RoundOutcome::Committed);
}

Orderer::~Orderer() { stop_recoveries_.request_stop(); }

void Orderer::lose(size_t replica, const std::string& why) {
  if (slots_[replica].standing != Standing::Live) return;
  slots_[replica].standing = Standing::Lost;
  hooks_.notice(name_of(replica) + " is left out: " + why);
}

void Orderer::shut_out(size_t replica, const std::string& why, Height height,
                       const std::optional<Digest>& agreed) {
  slots_[replica].standing = Standing::ShutOut;
  hooks_.notice("ATTENTION: " + name_of(replica) + " is SHUT OUT: " + why);
  if (!agreed || !pool_.idle(replica)) return;
  // It must not go on telling its users untruths.
  pool_.start(replica, [this, replica, height, agreed = *agreed] {
    (void)links_[replica]->agreed_hash(height, agreed, config_.call_timeout);
    pool_.finish(replica);
  });
}

void Orderer::count(const replica::Rejection& rejection, const std::string& who) {
  {
    const std::lock_guard lock(status_mutex_);
    ++status_.rejections[rejection.kind];
  }
  hooks_.notice(who + ": " + rejection.message);
}

// Starts a recovery for each lost replica, and takes in what earlier ones found.
void Orderer::recover_lost() {
  for (size_t i = 0; i < slots_.size(); ++i) {
    Slot& slot = slots_[i];
    if (slot.standing != Standing::Lost || !pool_.idle(i)) continue;
    auto outcome = slot.recovery->take();
    if (outcome && *outcome && (*outcome)->fault.empty() && (*outcome)->at.height < head_)
      outcome = close_up(i);
    if (outcome && *outcome && !(*outcome)->fault.empty()) {
      shut_out(i, (*outcome)->fault, (*outcome)->at.height, (*outcome)->agreed);
    } else if (outcome && *outcome && (*outcome)->at.height == head_) {
      slot.standing = Standing::Live;
      slot.at = (*outcome)->at;
      hooks_.notice(name_of(i) + " is at height " + std::to_string(head_.value));
    } else if (pool_.idle(i)) {
      pool_.start(i, [this, i, recovery = slot.recovery] {
        recovery->put(catch_up(*links_[i], log_, config_.call_timeout, stop_recoveries_.get_token()));
        pool_.finish(i);
      });
    }
  }
}

// The last few blocks, while the round waits: beside rounds that follow each other without a pause, a replica
// would be one block behind for ever.
std::optional<Answer<CaughtUp>> Orderer::close_up(size_t replica) {
  auto answers = pool_.gather<Answer<CaughtUp>>(
      {replica}, 0, config_.straggler_grace,
      [this](size_t i) {
        return catch_up(*links_[i], log_, config_.call_timeout, stop_recoveries_.get_token());
      },
      [](const auto&) { return true; });
  if (answers.empty()) return std::nullopt;
  return std::move(answers.begin()->second);
}

// Finds the app hash on which q replicas at the head agree, and shuts out those that differ.
bool Orderer::settle() {
  std::map<std::pair<Digest, Members>, size_t> votes;
  for (size_t i = 0; i < slots_.size(); ++i) {
    const Slot& slot = slots_[i];
    if (slot.standing == Standing::Live && contains(members_, i))
      ++votes[{slot.at.app_hash, slot.at.next_members}];
  }
  for (const auto& [state, count] : votes) {
    if (head_hash_ || count < quorum_of(members_)) continue;
    head_hash_ = state.first;
    adopt(state.second);
  }
  if (!head_hash_) {
    if (votes.size() > 1 && !std::exchange(unsettled_told_, true)) {
      hooks_.notice("ATTENTION: no quorum agrees on the app hash after height " +
                    std::to_string(head_.value));
    }
    return false;
  }
  for (size_t i = 0; i < slots_.size(); ++i) {
    if (slots_[i].standing != Standing::Live || slots_[i].at.app_hash == *head_hash_) continue;
    shut_out(i,
             "its app hash after height " + std::to_string(head_.value) + " is " +
                 slots_[i].at.app_hash.short_hex() + ", agreed is " + head_hash_->short_hex(),
             head_, head_hash_);
  }
  return true;
}

void Orderer::adopt(Members next) {
  if (next != next_members_) {
    std::string names;
    for (const ReplicaIndex member : next)
      names += (names.empty() ? "" : ", ") + std::to_string(member.value);
    hooks_.notice("from height " + std::to_string(head_.next().value) + " the replicas are " + names);
  }
  next_members_ = std::move(next);
}

std::vector<size_t> Orderer::voters() const {
  std::vector<size_t> out = live();
  std::erase_if(out, [&](size_t i) { return !contains(next_members_, i); });
  return out;
}

size_t Orderer::quorum() const { return quorum_of(next_members_); }

std::vector<size_t> Orderer::live() const {
  std::vector<size_t> out;
  for (size_t i = 0; i < slots_.size(); ++i) {
    if (slots_[i].standing == Standing::Live && pool_.idle(i)) out.push_back(i);
  }
  return out;
}

// What users submitted, each replica's in its order, each transaction once.
std::vector<Bytes> Orderer::transactions(const std::vector<size_t>& from) {
  const uint64_t share = config_.block_transactions_bytes_max / from.size();
  const auto answers = pool_.gather<Answer<std::vector<Bytes>>>(
      from, quorum(), config_.straggler_grace,
      [this, share](size_t i) { return links_[i]->pending_transactions(share, config_.call_timeout); },
      [](const auto& answer) { return answer.has_value(); });
  std::vector<const std::vector<Bytes>*> turn;
  for (const auto& [i, answer] : answers) {
    if (answer) turn.push_back(&*answer);
    if (!answer) lose(i, answer.error().message);
  }
  std::vector<Bytes> out;
  if (turn.empty()) return out;
  // The first transaction of each may be larger than its share; where not all of them fit, those who began
  // the last block come later in this one.
  std::ranges::rotate(turn, turn.begin() + static_cast<ptrdiff_t>(head_.value % turn.size()));
  std::set<Bytes> seen;
  uint64_t room = config_.block_transactions_bytes_max;
  for (const std::vector<Bytes>* pending : turn) {
    uint64_t left = std::min(share, room);
    bool first = true;
    for (const Bytes& transaction : *pending) {
      if (transaction.size() > (first ? room : left) || out.size() >= config_.block_transactions_max) break;
      if (!hooks_.transaction_ok(transaction) || !seen.insert(transaction).second) continue;
      first = false;
      left -= std::min<uint64_t>(left, transaction.size());
      room -= transaction.size();
      out.push_back(transaction);
    }
  }
  return out;
}

std::optional<replica::Block> Orderer::propose() {
  const auto able = voters();
  if (able.empty()) return std::nullopt;
  auto request = std::make_shared<replica::ProposalRequest>();
  request->height = head_.next();
  request->time = std::max(head_time_, hooks_.clock());
  request->reports = reports_;
  request->transactions = transactions(able);

  // The first able one at or after this attempt's turn.
  const size_t turn = (request->height.value + attempt_++) % slots_.size();
  const auto still_able = voters();
  if (still_able.empty()) return std::nullopt;
  const auto after = std::ranges::lower_bound(still_able, turn);
  const size_t proposer = after == still_able.end() ? still_able.front() : *after;

  auto answers = pool_.gather<Answer<Proposal>>(
      {proposer}, 1, config_.straggler_grace,
      [this, request](size_t i) { return links_[i]->prepare_proposal(*request, config_.call_timeout); },
      [](const auto& answer) { return answer.has_value(); });
  auto& answer = answers.at(proposer);
  if (!answer) {
    lose(proposer, answer.error().message);
    return std::nullopt;
  }
  for (const PrunedReport& pruned : answer->pruned) {
    count(pruned.rejection,
          "report of replica " + std::to_string(pruned.member.value) + " refused by " + name_of(proposer));
  }
  return replica::Block{request->height, request->time, std::move(answer->payload),
                        std::move(request->transactions)};
}

bool Orderer::accepted(const std::shared_ptr<const replica::Block>& block) {
  using Verdict = std::expected<void, replica::Rejection>;
  const auto verdicts = pool_.gather<Answer<Verdict>>(
      voters(), quorum(), config_.straggler_grace,
      [this, block](size_t i) { return links_[i]->process_proposal(*block, config_.call_timeout); },
      [](const auto& verdict) { return verdict.has_value() && verdict->has_value(); });
  size_t accepts = 0;
  for (const auto& [i, verdict] : verdicts) {
    if (!verdict) {
      lose(i, verdict.error().message);
    } else if (!*verdict) {
      count(verdict->error(),
            "proposal for height " + std::to_string(block->height.value) + " refused by " + name_of(i));
    } else {
      ++accepts;
    }
  }
  return accepts >= quorum();
}

// The reports of `height` are made on the state before it: after the decision, before the execution.
void Orderer::collect_reports(Height height) {
  const auto answers = pool_.gather<Answer<replica::SignedReport>>(
      voters(), quorum(), config_.straggler_grace,
      [this, height](size_t i) { return links_[i]->extend_vote(height, config_.call_timeout); },
      [](const auto& answer) { return answer.has_value(); });
  reports_.clear();
  for (const auto& [i, answer] : answers) {
    if (!answer) {
      lose(i, answer.error().message);
    } else if (answer->member.value == i && answer->height == height) {
      reports_.push_back(*answer);
    }
  }
}

void Orderer::execute(const std::shared_ptr<const replica::Block>& block) {
  const auto asked = live();
  const auto answers = pool_.gather<Answer<Standpoint>>(
      asked, quorum(), config_.straggler_grace,
      [this, block](size_t i) { return links_[i]->finalize_and_commit(*block, config_.call_timeout); },
      [](const auto& answer) { return answer.has_value(); });
  for (size_t i = 0; i < slots_.size(); ++i) {
    const auto answer = answers.find(i);
    if (answer == answers.end()) {
      lose(i, "it did not execute height " + std::to_string(block->height.value) + " in time");
    } else if (!answer->second) {
      lose(i, answer->second.error().message);
    } else {
      slots_[i].at = *answer->second;
    }
  }
}

RoundOutcome Orderer::run_round() {
  const auto end = [this](RoundOutcome outcome) {
    publish(outcome);
    return outcome;
  };
  recover_lost();
  if (!settle() || voters().size() < quorum()) return end(RoundOutcome::NoQuorum);
  auto proposal = propose();
  if (!proposal) return end(RoundOutcome::NoProposal);
  const auto block = std::make_shared<const replica::Block>(std::move(*proposal));
  if (!accepted(block)) return end(RoundOutcome::Rejected);
  collect_reports(block->height);

  log_.append({*block, *head_hash_, next_members_});
  members_ = next_members_;
  head_ = block->height;
  head_time_ = block->time;
  head_hash_.reset();
  unsettled_told_ = false;
  attempt_ = 0;
  execute(block);
  return end(settle() ? RoundOutcome::Committed : RoundOutcome::Undecided);
}

void Orderer::publish(RoundOutcome outcome) {
  const std::lock_guard lock(status_mutex_);
  status_.height = head_;
  if (head_hash_) status_.app_hash = *head_hash_;
  ++status_.rounds;
  if (outcome != RoundOutcome::Committed) ++status_.rounds_failed;
  status_.replicas.clear();
  for (size_t i = 0; i < slots_.size(); ++i) {
    const bool follows = slots_[i].standing == Standing::Live && !contains(next_members_, i);
    status_.replicas.push_back(follows ? Standing::Follows : slots_[i].standing);
  }
}

OrdererStatus Orderer::status() const {
  const std::lock_guard lock(status_mutex_);
  return status_;
}

void Orderer::run(std::stop_token stop) {
  using Clock = std::chrono::steady_clock;
  std::mutex mutex;
  std::condition_variable_any wake;
  std::unique_lock lock(mutex);
  auto next = Clock::now();
  while (!stop.stop_requested()) {
    run_round();
    next = std::max(next + config_.block_interval, Clock::now());
    wake.wait_until(lock, stop, next, [] { return false; });
  }
}

}  // namespace icws::engine
