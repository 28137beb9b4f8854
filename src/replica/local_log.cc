#include "replica/local_log.h"

#include <utility>

#include "agreement/feed_evidence.h"
#include "agreement/latest_values.h"
#include "replica/local_connection.h"

namespace icws::replica {
namespace {

using agreement::EventRef;
using agreement::FeedLog;
using agreement::MemberStatus;
using agreement::Observation;
using agreement::ObservationKind;
using agreement::OrderedLog;

class OrderedLocalLog final : public LocalLog {
 public:
  explicit OrderedLocalLog(OrderedLog::Agreed agreed) : log_(std::move(agreed)) {}

  void on_opened(const Bytes& encoded, EventSequence event, LocalTime now, SocketEvents&) override {
    log_.append(Observation{ObservationKind::Opened, encoded, {}}, event, now);
  }
  void on_message(Observation observation, EventSequence event, LocalTime now, SocketEvents&) override {
    // One order for all: the key is no part of it.
    observation.key.clear();
    log_.append(std::move(observation), event, now);
  }
  void on_closed(const SocketClosed& closed, bool counts, EventSequence event, LocalTime now,
                 SocketEvents& socket) override {
    if (!closed.clean || !counts) return socket.tracker.done(event);
    const agreement::CloseFrame frame{closed.code, closed.reason};
    log_.append(Observation{ObservationKind::Closed, archive_encode(frame), {}}, event, now);
  }
  void adopt(const Connection& record, const SocketStatus& socket) override {
    if (socket.acknowledged.value == 0) return;
    log_ = OrderedLog(OrderedLog::Agreed{socket.acknowledged, socket.position, socket.head});
    catch_up(record);
  }
  bool one_socket_only() const override { return true; }
  bool contradicts() const override { return !log_.in_chain(); }
  size_t size() const override { return log_.size(); }
  LocalProgress advance(const Connection& record, const std::vector<agreement::SettledContent>&, LocalTime,
                        const agreement::AgreementParams&, bool, SocketEvents& socket) override {
    LocalProgress progress;
    progress.received = catch_up(record);
    socket.tracker.done_up_to(log_.agreed().event);
    return progress;
  }
  void fill(const Connection& record, const agreement::AgreementParams& params, const SectionRequest&,
            agreement::Section& out) override {
    if (out.status == MemberStatus::OutLost || out.status == MemberStatus::OutMismatch) return;
    out.heads = log_.heads(record.agreement.ordered.position, params.head_window);
  }
  void show(agreement::Local& local) const override { local.ordered = &log_; }
  void annotate(AcknowledgeCommand& command) const override {
    command.position = log_.agreed().position;
    command.head = log_.agreed().head;
  }
  void save(LocalRecord& record, LocalTime) const override { record.ordered = log_.agreed(); }

  std::vector<LocalTime> catch_up(const Connection& record) {
    return log_.advance(record.agreement.ordered.position, record.agreement.ordered.head);
  }

 private:
  OrderedLog log_;
};

class FeedLocalLog final : public LocalLog {
 public:
  FeedLocalLog() = default;
  explicit FeedLocalLog(const std::vector<FeedLog::Credit>& credits) { log_.restore(credits); }

  void on_opened(const Bytes&, EventSequence event, LocalTime, SocketEvents& socket) override {
    socket.tracker.done(event);
  }
  void on_message(Observation observation, EventSequence event, LocalTime now,
                  SocketEvents& socket) override {
    if (log_.append(std::move(observation), socket.ref(event), now)) return;
    ++absorbed_;
    socket.tracker.done(event);
  }
  void on_closed(const SocketClosed&, bool, EventSequence event, LocalTime, SocketEvents& socket) override {
    socket.tracker.done(event);
  }
  void on_stream(const agreement::AgreementParams& params, bool, LocalTime now) override {
    repeats_until_ = now + params.hold_back;
  }
  size_t size() const override { return log_.size(); }
  bool holds_before(Attempt attempt) const override { return log_.holds_before(attempt); }
  LocalProgress advance(const Connection& record, const std::vector<agreement::SettledContent>& settled,
                        LocalTime now, const agreement::AgreementParams& params, bool inbox_has_room,
                        SocketEvents& socket) override;
  uint64_t observe(const Connection& record, const Outlook& outlook, const agreement::AgreementParams& params,
                   SocketEvents& socket) override;
  void fill(const Connection&, const agreement::AgreementParams& params, const SectionRequest& request,
            agreement::Section& out) override {
    out.items = log_.list(request.bytes_max, params.section_items_max, request.now);
    // What outlasted a full inbox may keep the adapter from reading on.
    const bool reads_on = !request.held_up || !log_.has_overdue(request.now - params.drop_after);
    out.complete = !log_.overfull() && request.stream_up && request.now >= repeats_until_ && reads_on;
    evidence_.reported(request.height, request.now);
  }
  void show(agreement::Local& local) const override { local.feed = &log_; }
  void save(LocalRecord& record, LocalTime now) const override {
    for (const FeedLog::Credit& credit : log_.credits(now)) record.credits.push_back(credit.id);
  }

 private:
  FeedLog log_;
  agreement::FeedEvidence evidence_;
  // Until then the adapter may still have what this log has not.
  LocalTime repeats_until_{};
  uint64_t absorbed_ = 0;
};

LocalProgress FeedLocalLog::advance(const Connection& record,
                                    const std::vector<agreement::SettledContent>& settled, LocalTime now,
                                    const agreement::AgreementParams& params, bool inbox_has_room,
                                    SocketEvents& socket) {
  LocalProgress progress;
  for (const agreement::SettledContent& content : settled) {
    for (const FeedLog::Freed& freed : log_.settle(content.content, content.count, now, params.absorb)) {
      socket.done(freed.event);
      progress.received.push_back(freed.received);
    }
  }
  const auto& decidable = record.agreement.feed.decidable_since;
  const auto dropped =
      log_.drop_stale(now, params.drop_after, !inbox_has_room,
                      [&](const agreement::FeedItem& item) { return decidable.contains(item); });
  for (const FeedLog::Freed& freed : dropped) socket.done(freed.event);
  progress.dropped = dropped.size();
  progress.absorbed = std::exchange(absorbed_, 0);
  return progress;
}

uint64_t FeedLocalLog::observe(const Connection& record, const Outlook& outlook,
                               const agreement::AgreementParams& params, SocketEvents& socket) {
  const agreement::Quorum quorum = record.agreement.quorum();
  evidence_.observe(outlook.view, outlook.self, quorum, outlook.now, params);
  if (!outlook.inbox_has_room) return 0;
  const std::vector<FeedLog::Freed> dropped = agreement::make_room(
      log_, evidence_, outlook.view, outlook.self, quorum, record.agreement.feed, outlook.now, params);
  for (const FeedLog::Freed& freed : dropped) socket.done(freed.event);
  return dropped.size();
}

// Nothing waits for agreement: a value counts until it is old or a newer one comes. So every event is free at
// once, and a restarted replica begins without values; what the adapter then repeats has no known age.
class ObservationsLocalLog final : public LocalLog {
 public:
  explicit ObservationsLocalLog(const ObservationsSettings& settings) : settings_(settings) {}

  void on_opened(const Bytes&, EventSequence event, LocalTime, SocketEvents& socket) override {
    socket.tracker.done(event);
  }
  void on_message(Observation observation, EventSequence event, LocalTime now, SocketEvents& socket) override;
  void on_closed(const SocketClosed&, bool, EventSequence event, LocalTime, SocketEvents& socket) override {
    socket.tracker.done(event);
  }
  void on_stream(const agreement::AgreementParams& params, bool held, LocalTime now) override {
    if (held) repeats_until_ = now + params.hold_back;
  }
  // A dead socket would not bring what came after.
  void on_ended(const std::optional<agreement::Ending>&) override {
    values_.clear();
    repeats_until_ = {};
  }
  size_t size() const override { return 0; }
  LocalProgress advance(const Connection&, const std::vector<agreement::SettledContent>&, LocalTime now,
                        const agreement::AgreementParams&, bool, SocketEvents&) override {
    values_.forget_before(now - settings_.age_max);
    LocalProgress progress;
    progress.dropped = std::exchange(dropped_, 0);
    return progress;
  }
  void fill(const Connection& record, const agreement::AgreementParams& params, const SectionRequest& request,
            agreement::Section& out) override {
    if (out.status != MemberStatus::Live) return;
    values_.forget_before(request.now - settings_.age_max);
    out.values = values_.list(agreement::values_turn(record.agreement.observations), request.bytes_max,
                              params.section_values_max, request.now);
  }
  void show(agreement::Local&) const override {}
  void save(LocalRecord&, LocalTime) const override {}

 private:
  const ObservationsSettings settings_;
  agreement::LatestValues values_;
  LocalTime repeats_until_{};
  uint64_t dropped_ = 0;
};

void ObservationsLocalLog::on_message(Observation observation, EventSequence event, LocalTime now,
                                      SocketEvents& socket) {
  // No value: a reading of it would be made up.
  if (observation.kind == agreement::ObservationKind::TransformFailed) {
    ++dropped_;
    return socket.tracker.done(event);
  }
  socket.tracker.done(event);
  std::optional<Bytes> value = agreement::value_of(settings_.deliver, observation.content);
  if (!value) {
    ++dropped_;
  } else if (now < repeats_until_) {
    // There is a newer one than this replica has, and it may be an hour old.
    values_.forget(observation.key);
  } else if (!values_.put(std::move(observation.key), std::move(*value), now)) {
    ++dropped_;
  }
}

}  // namespace

std::unique_ptr<LocalLog> make_local_log(const Connection& record) {
  if (record.arguments.mode == Mode::Delegated) return make_delegated_log(nullptr);
  if (record.arguments.mode == Mode::Observations) {
    return std::make_unique<ObservationsLocalLog>(record.agreement.observations.settings);
  }
  if (record.arguments.mode != Mode::Ordered) return std::make_unique<FeedLocalLog>();
  const Digest genesis = agreement::chain_genesis(record.id, record.agreement.epoch, record.parameters());
  return std::make_unique<OrderedLocalLog>(OrderedLog::Agreed{EventSequence(0), Position(0), genesis});
}

std::unique_ptr<LocalLog> make_local_log(const Connection& record, const LocalRecord& saved, LocalTime now,
                                         Milliseconds absorb) {
  if (record.arguments.mode == Mode::Delegated) return make_delegated_log(&saved);
  if (record.arguments.mode == Mode::Observations) return make_local_log(record);
  if (record.arguments.mode != Mode::Ordered) {
    std::vector<FeedLog::Credit> credits;
    for (const agreement::ContentId& id : saved.credits) credits.push_back({id, now + absorb});
    return std::make_unique<FeedLocalLog>(credits);
  }
  auto log = std::make_unique<OrderedLocalLog>(saved.ordered);
  log->catch_up(record);
  return log;
}

}  // namespace icws::replica
