#include "sim/checker.h"

#include "agreement/quorum.h"
#include "base/decimal.h"
#include "sim/canister.h"

namespace icws::sim {
namespace {

constexpr size_t kViolationsKept = 16;
constexpr size_t kEntriesAtOnce = 10'000;
// Agreement time stands still, or nearly, while there is no quorum.
constexpr Milliseconds kHaltsMax{3'000};
constexpr Milliseconds kReadingLate{2'000};

}  // namespace

Checker::Checker(uint32_t replicas, Truth truth)
    : faulty_max_(agreement::Quorum(replicas).f()), truth_(std::move(truth)) {}

void Checker::violation(std::string what) {
  if (violations_.size() < kViolationsKept) violations_.push_back(std::move(what));
}

void Checker::block(Height height, const std::map<uint32_t, Digest>& app_hashes) {
  if (app_hashes.empty()) return;
  const Digest first = app_hashes.begin()->second;
  for (const auto& [replica, hash] : app_hashes) {
    if (hash == first) continue;
    violation("height " + std::to_string(height.value) + ": replica " + std::to_string(replica) +
              " has another app hash than replica " + std::to_string(app_hashes.begin()->first));
  }
  digest_ = Sha256().update(digest_).update(first).finish();
}

void Checker::entries(const replica::Replica& replica) {
  for (const replica::ConnectionView& view : replica.connections()) {
    Connection& connection = connections_[view.id];
    // The server that takes orders says nothing.
    connection.feed = view.url.starts_with("ws://feed");
    connection.observations = view.mode == replica::Mode::Observations;
    for (const transcript::Entry& entry :
         replica.transcript(view.id, connection.last.next(), kEntriesAtOnce)) {
      if (entry.sequence != connection.last.next()) violation("a hole in a transcript");
      connection.last = entry.sequence;
      if (const auto* text = std::get_if<transcript::Message>(&entry.what)) {
        message(view.id, connection, view, text->content);
      } else if (const auto* gap = std::get_if<transcript::Gap>(&entry.what)) {
        connection.gaps += gap->count;
      } else if (const auto* value = std::get_if<transcript::Reading>(&entry.what)) {
        reading(connection, *value, entry.time - kRunBegins);
      } else if (std::holds_alternative<transcript::Opened>(entry.what)) {
        connection.sequence = 0;
      }
    }
  }
}

void Checker::message(ConnectionId id, Connection& connection, const replica::ConnectionView& view,
                      const std::string& text) {
  ++messages_;
  const std::string where = "connection " + std::to_string(id.value) + ", message " + text;
  if (truth_.seen(text) <= faulty_max_) violation(where + ": seen by no more than f honest replicas");
  if (connection.feed) {
    uint32_t key = 0;
    uint64_t serial = 0;
    if (!Server::parse_feed_text(text, key, serial)) return violation(where + ": the server never sent it");
    if (!connection.texts.insert(text).second) violation(where + ": agreed twice");
    uint64_t& last = connection.serials[key];
    if (serial <= last && !truth_.lacks(text, Server::feed_text(key, last))) {
      violation(where + ": out of order within its key");
    }
    last = std::max(serial, last);
  } else if (view.url.starts_with("ws://sequence")) {
    ++connection.sequence;
    if (text != "sequence " + std::to_string(connection.sequence))
      violation(where + ": not the next of the sequence");
  } else if (text != echo_text(connection.sequence++)) {
    violation(where + ": not the next echo");
  }
}

// Every honest member was told the virtual time, so the median must be one of the last seconds, whatever a
// liar said.
void Checker::reading(Connection& connection, const transcript::Reading& reading, Milliseconds at) {
  ++messages_;
  connection.read_at = at;
  const auto median = Decimal::parse(reading.median);
  const auto time = [](Milliseconds ms) {
    return Decimal::parse(std::to_string(std::max<int64_t>(ms.count(), 0))).value();
  };
  if (!median || *median > time(at) || *median < time(at - kValueAgeMax - kHaltsMax)) {
    violation("a median of " + reading.median + " at " + std::to_string(at.count()) + " ms");
  }
  if (reading.responses <= 2 * faulty_max_) violation("a median of too few values");
}

void Checker::values_read(Milliseconds end) {
  for (const auto& [id, connection] : connections_) {
    if (connection.read_at && *connection.read_at + kReadingLate >= end) continue;
    if (connection.observations) violation("the readings of values have stopped");
  }
}

void Checker::quiet() {
  for (auto& [id, connection] : connections_) connection.gaps_before_quiet = connection.gaps;
}

void Checker::everything_agreed(const std::set<std::string>& seen_by_all) {
  for (const auto& [id, connection] : connections_) {
    if (!connection.feed) continue;
    uint64_t missing = 0;
    std::string example;
    for (const std::string& text : seen_by_all) {
      if (connection.texts.contains(text)) continue;
      ++missing;
      example = text;
    }
    const uint64_t gaps = connection.gaps - connection.gaps_before_quiet;
    if (missing > gaps) {
      violation("connection " + std::to_string(id.value) + ": " + std::to_string(missing) +
                " messages that every honest replica saw were not agreed (" + example + " is one), " +
                std::to_string(gaps) + " are in gaps");
    }
  }
}

void Checker::ordered_complete(const std::vector<replica::ConnectionView>& views, uint64_t echoes) {
  for (const replica::ConnectionView& view : views) {
    if (view.mode != replica::Mode::Ordered) continue;
    const bool sequence = view.url.starts_with("ws://sequence");
    const uint64_t expected = sequence ? Server::kSequenceMessages : echoes;
    const std::string where = view.url + ": ";
    if (view.messages != expected) {
      violation(where + std::to_string(view.messages) + " messages of " + std::to_string(expected));
    }
    if (sequence && view.cause != transcript::Cause::Server) violation(where + "not closed by its server");
    if (!sequence && view.state != "open") violation(where + "ended");
    if (view.outbox_bytes > 0) violation(where + "sends that no quorum has written");
  }
}

void Checker::holes(uint32_t replica, uint64_t count) {
  if (count > 0) violation("replica " + std::to_string(replica) + " numbered sends with a hole");
}

void Checker::order_written(const std::string& order, uint32_t copies) {
  if (copies == 0) violation(order + " was never written");
}

void Checker::diverged(uint32_t replica, const std::string& what) {
  violation("replica " + std::to_string(replica) + " stopped: " + what);
}

void Checker::trapped(uint64_t traps) {
  if (traps > 0) violation("the canister trapped: " + std::to_string(traps));
}

}  // namespace icws::sim
