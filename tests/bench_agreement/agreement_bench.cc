// How many messages a second one replica's agreement core handles, without sockets and without an engine:
// its own appends, its report, a proposal, decoding everyone's reports and evaluating. The other members' log
// work is not counted. Prints the median of five runs.
#include <algorithm>
#include <chrono>
#include <cstdio>

#include "agreement/connection.h"
#include "agreement/report_codec.h"

namespace icws::agreement {
namespace {

using Clock = std::chrono::steady_clock;

struct Setup {
  const char* name;
  uint32_t members;
  Mode mode;
  size_t keys;
};

struct Measured {
  double messages_per_second = 0;
  double report_bytes_per_message = 0;
};

constexpr size_t kPerBlock = 1'000;
constexpr size_t kBlocks = 60;

class Run {
 public:
  explicit Run(const Setup& setup) : setup_(setup) {
    std::vector<ReplicaIndex> committee;
    for (uint32_t i = 0; i < setup.members; ++i) committee.emplace_back(i);
    state_ = begin_epoch(ConnectionId(1), setup.mode, Epoch(1), committee, Digest{}, AgreedTime{},
                         Milliseconds(30'000));
    state_.phase = Phase::Open;
    if (setup.mode == Mode::Ordered) {
      state_.ordered.position = Position(1);
    }
    for (uint32_t i = 0; i < setup.members; ++i) {
      ordered_.emplace_back(
          OrderedLog::Agreed{EventSequence(0), state_.ordered.position, state_.ordered.head});
      feed_.emplace_back();
    }
  }

  Measured run() {
    for (size_t block = 0; block < kBlocks; ++block) step();
    Measured out;
    out.messages_per_second = static_cast<double>(agreed_) / std::chrono::duration<double>(spent_).count();
    out.report_bytes_per_message = static_cast<double>(report_bytes_) / static_cast<double>(agreed_);
    return out;
  }

 private:
  void append(size_t member) {
    for (size_t i = 0; i < kPerBlock; ++i) {
      const uint64_t number = next_ + i;
      Observation seen{
          ObservationKind::Text, "message number " + std::to_string(number) + " of the stream, padded", {}};
      seen.content.resize(64, '.');
      if (setup_.mode == Mode::Feed) {
        seen.key = "key" + std::to_string(number % setup_.keys);
        feed_[member].append(std::move(seen), EventRef{}, LocalTime{});
      } else {
        ordered_[member].append(std::move(seen), EventSequence(number), LocalTime{});
      }
    }
  }

  Bytes report(size_t member) {
    Section section;
    section.connection = ConnectionId(1);
    section.epoch = Epoch(1);
    section.status = MemberStatus::Live;
    if (setup_.mode == Mode::Ordered) {
      section.heads = ordered_[member].heads(state_.ordered.position, params_.head_window);
    } else {
      section.items = feed_[member].list(64 * 1024, params_.section_items_max, LocalTime{});
    }
    return encode_report(Report{"bench", height_, Digest{}, {std::move(section)}});
  }

  void settle(size_t member, const Outcome& outcome) {
    if (setup_.mode == Mode::Ordered) {
      ordered_[member].advance(state_.ordered.position, state_.ordered.head);
    }
    for (const SettledContent& settled : outcome.settled) {
      feed_[member].settle(settled.content, settled.count, LocalTime{}, params_.absorb);
    }
  }

  // Member 0 is the one that is measured; it proposes every block.
  void step() {
    std::vector<Bytes> reports(setup_.members);
    for (size_t member = 1; member < setup_.members; ++member) {
      append(member);
      reports[member] = report(member);
    }
    const auto start = Clock::now();
    append(0);
    reports[0] = report(0);
    height_ = height_.next();
    std::vector<Report> decoded;
    for (const Bytes& bytes : reports) decoded.push_back(*decode_report(bytes, params_));
    View view;
    for (const Report& each : decoded) view.push_back(InForce{&each.sections[0], each.height});
    const Context context{height_, AgreedTime{}, 4 * 1024 * 1024, true};
    const Local local{&ordered_[0], &feed_[0], nullptr};
    const Decision decision = propose(state_, view, local, context, 2 * 1024 * 1024, params_);
    auto outcome = evaluate(state_, view, decision, context, params_);
    if (!outcome || outcome->emissions.empty()) std::abort();
    state_ = outcome->next;
    settle(0, *outcome);
    spent_ += Clock::now() - start;
    for (size_t member = 1; member < setup_.members; ++member) settle(member, *outcome);
    agreed_ += outcome->emissions.size();
    report_bytes_ += reports[0].size();
    next_ += kPerBlock;
  }

  const Setup setup_;
  const AgreementParams params_;
  ConnectionState state_;
  std::vector<OrderedLog> ordered_;
  std::vector<FeedLog> feed_;
  Height height_{1};
  uint64_t next_ = 0, agreed_ = 0, report_bytes_ = 0;
  Clock::duration spent_{0};
};

Measured median_of_five(const Setup& setup) {
  std::vector<Measured> runs;
  for (int i = 0; i < 5; ++i) runs.push_back(Run(setup).run());
  std::ranges::sort(runs, {}, &Measured::messages_per_second);
  return runs[2];
}

void measure(const char* name, Mode mode, size_t keys, double goal) {
  const Measured four = median_of_five({name, 4, mode, keys});
  const Measured thirteen = median_of_five({name, 13, mode, keys});
  std::printf("%-14s %12.0f %12.0f %8.2f %10.0f %8s %12.3f\n", name, four.messages_per_second,
              thirteen.messages_per_second, thirteen.messages_per_second / four.messages_per_second, goal,
              thirteen.messages_per_second >= goal ? "met" : "MISSED", thirteen.report_bytes_per_message);
}

}  // namespace
}  // namespace icws::agreement

int main() {
  using icws::agreement::Mode;
  std::printf("agreement core of one replica, 64 B messages, %zu per block, median of 5\n",
              icws::agreement::kPerBlock);
  std::printf("%-14s %12s %12s %8s %10s %8s %12s\n", "mode", "n=4 msg/s", "n=13 msg/s", "ratio", "goal", "",
              "report B/msg");
  icws::agreement::measure("ordered", Mode::Ordered, 1, 500'000);
  icws::agreement::measure("feed, 1 key", Mode::Feed, 1, 50'000);
  icws::agreement::measure("feed, 49 keys", Mode::Feed, 49, 50'000);
  return 0;
}
