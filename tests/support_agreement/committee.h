// A committee around one connection: members with logs, reports that travel as they do between replicas, and
// blocks. What replicas do with src/agreement, without replicas.
#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "agreement/connection.h"
#include "agreement/feed_evidence.h"
#include "agreement/feed_log.h"
#include "agreement/latest_values.h"
#include "agreement/ordered_log.h"

namespace icws::test_agreement {

struct CommitteeOptions {
  uint32_t members = 4;
  agreement::Mode mode = agreement::Mode::Feed;
  agreement::AgreementParams params = {};
  uint64_t content_bytes = 2 * 1024 * 1024;
  uint64_t inbox_bytes = 4 * 1024 * 1024;
  size_t section_bytes = 32 * 1024;
  Milliseconds open_timeout{30'000};
  agreement::ObservationsSettings observations = {};
};

// One line of the transcript: a message, or the gap mark before it.
struct Line {
  Bytes text;  // of a gap mark: empty
  Bytes key;
  uint64_t gap = 0;
  bool operator==(const Line&) const = default;
};

// What: the committee. A block decides on the reports made before the block before it, as in a real chain.
// Every block is evaluated twice, from a copy of the state that went through its encoding, and must give the
// same; every report goes through its encoding too. Thread-safety: none. Errors: GoogleTest failures.
class Committee {
 public:
  using Section = agreement::Section;
  // What a Byzantine member reports instead of the truth; nothing: it is silent.
  using Lie = std::function<std::optional<Section>(Section truth)>;
  struct Block {
    size_t proposer = 0;
    // Members whose reports the block carries; empty: all that there are.
    std::vector<size_t> carries = {};
    // Agreement time since the block before.
    Milliseconds after{50};
    // What a Byzantine proposer does to its proposal.
    std::function<void(agreement::Decision&)> tamper = {};
  };

  explicit Committee(CommitteeOptions options);

  // --- sockets of honest members ---
  void opens(size_t member, transcript::Opened opened = {});
  void sees(size_t member, const Bytes& text, const Bytes& key = {});
  // Everyone, in this order.
  void all_see(const std::vector<Bytes>& texts, const Bytes& key = {});
  // The server's clean close.
  void closes(size_t member, uint16_t code, const Bytes& reason);
  void reports_status(size_t member, agreement::MemberStatus status,
                      std::optional<agreement::Ending> ending = std::nullopt);
  // The member's socket is replaced by a new one; in ordered it is out for the rest of the epoch.
  void loses_socket(size_t member);

  // --- members that do not do as they should ---
  void lies(size_t member, Lie lie);
  void falls_silent(size_t member);
  void speaks_again(size_t member) { lies_[member] = {}; }

  // --- blocks ---
  // Makes the next block. A refused decision is dropped, as replicas would: see last_fault().
  void block(const Block& block);
  void block() { this->block(Block{}); }
  void blocks(size_t count, Milliseconds after = Milliseconds(50));
  // All members open, and blocks until the connection is open.
  void open_all();
  void inbox_room(uint64_t bytes, bool has_room) {
    options_.inbox_bytes = bytes;
    inbox_has_room_ = has_room;
  }

  // --- results ---
  const agreement::ConnectionState& state() const { return state_; }
  const agreement::FeedLog& feed_log(size_t member) const { return feed_[member]; }
  agreement::FeedLog& feed_log(size_t member) { return feed_[member]; }
  const agreement::OrderedLog& ordered_log(size_t member) const { return ordered_[member]; }
  const std::vector<Line>& lines() const { return lines_; }
  // Texts of the messages alone.
  std::vector<Bytes> texts() const;
  uint64_t gaps() const;
  const std::vector<transcript::Reading>& readings() const { return readings_; }
  // Those of the newest block that had some.
  const std::vector<transcript::Reading>& last_readings() const { return last_readings_; }
  const std::optional<transcript::Opened>& opened() const { return opened_; }
  const std::optional<agreement::End>& end() const { return end_; }
  std::optional<agreement::DecisionFault> last_fault() const { return fault_; }
  const agreement::Decision& last_decision() const { return decision_; }
  AgreedTime now() const { return now_; }
  Height height() const { return height_; }
  size_t size() const { return options_.members; }
  // Encoded size of a member's newest section, as a report of its own.
  size_t report_bytes(size_t member) const { return report_bytes_[member]; }
  // What a member would report now.
  Section section_of(size_t member);
  const CommitteeOptions& options() const { return options_; }

 private:
  struct Carried {
    Height height;
    Section section;
  };
  LocalTime local_now() const { return LocalTime(now_.time_since_epoch()); }
  void make_reports();
  agreement::View view() const;
  void apply(const agreement::Outcome& outcome);
  void settle_logs(const agreement::Outcome& outcome);

  CommitteeOptions options_;
  agreement::ConnectionState state_;
  std::vector<agreement::OrderedLog> ordered_;
  std::vector<agreement::FeedLog> feed_;
  std::vector<agreement::FeedEvidence> evidence_;
  std::vector<agreement::LatestValues> values_;
  std::vector<std::optional<Bytes>> opened_bytes_;
  std::vector<agreement::MemberStatus> status_;
  std::vector<std::optional<agreement::Ending>> ending_;
  std::vector<Lie> lies_;
  std::vector<Attempt> attempts_;
  std::vector<uint64_t> events_;
  std::vector<size_t> report_bytes_;
  // Reports of the height before the next block's, by member; then those in force.
  std::vector<std::optional<Carried>> fresh_;
  std::vector<std::optional<Carried>> in_force_;
  std::vector<uint64_t> carried_at_;
  bool inbox_has_room_ = true;
  AgreedTime now_{};
  Height height_{};
  std::vector<Line> lines_;
  std::vector<transcript::Reading> readings_;
  std::vector<transcript::Reading> last_readings_;
  std::optional<transcript::Opened> opened_;
  std::optional<agreement::End> end_;
  std::optional<agreement::DecisionFault> fault_;
  agreement::Decision decision_;
};

}  // namespace icws::test_agreement
