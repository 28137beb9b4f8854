#include "sim/onlooker.h"

namespace icws::sim {
namespace {

using agreement::FeedLog;
using agreement::Observation;
using agreement::ObservationKind;
using agreement::OrderedLog;

// A report of a height rests on the state two blocks before the one that carries it.
constexpr size_t kHashesKept = 3;

}  // namespace

std::optional<Bytes> feed_key(const std::string& text) {
  const size_t key = text.find(R"("key":)");
  if (key == std::string::npos) return std::nullopt;
  const size_t from = key + 6;
  return "[" + text.substr(from, text.find_first_of(",}", from) - from) + "]";
}

replica::BlockReports Onlooker::counted(const std::vector<agreement::CarriedReport>& reports,
                                        Height height) const {
  replica::BlockReports out;
  out.height = height;
  if (hashes_.size() < 2) return out;
  const Digest& base = hashes_[hashes_.size() - 2];
  for (const agreement::CarriedReport& carried : reports) {
    auto report = agreement::decode_report(carried.report, params_);
    if (!report || report->app_hash != base) continue;
    out.members.push_back({carried.member, std::make_shared<const agreement::Report>(std::move(*report))});
  }
  return out;
}

void Onlooker::block(Height height, const std::optional<agreement::Payload>& payload,
                     const Digest& app_hash) {
  if (height != height_.next()) {
    window_ = replica::ReportWindow(params_.blocks_in_force);
    hashes_.clear();
  }
  height_ = height;
  window_.push(counted(payload ? payload->reports : std::vector<agreement::CarriedReport>(), height));
  window_.prune(height);
  hashes_.push_back(app_hash);
  if (hashes_.size() > kHashesKept) hashes_.pop_front();
}

void Onlooker::with(const std::vector<agreement::CarriedReport>& reports, Height height,
                    const std::function<void(const replica::ReportWindow&)>& look) {
  if (height != height_.next()) return;
  window_.push(counted(reports, height));
  look(window_);
  window_.pop_newest();
}

std::optional<OrderedLog> Onlooker::ordered_log(const replica::Connection& record, uint32_t member) const {
  const agreement::ConnectionState& state = record.agreement;
  const auto* texts = ledger_.socket(member, {record.id, state.epoch, Attempt(1)});
  if (texts == nullptr) return std::nullopt;
  const Digest genesis = agreement::chain_genesis(record.id, state.epoch, record.parameters());
  OrderedLog log(OrderedLog::Agreed{EventSequence(0), Position(0), genesis});
  // Servers of simulated runs negotiate nothing.
  log.append(Observation{ObservationKind::Opened, archive_encode(transcript::Opened{}), {}}, EventSequence(1),
             {});
  for (size_t i = 0; i < texts->size(); ++i)
    log.append(Observation{ObservationKind::Text, (*texts)[i], {}}, EventSequence(2 + i), {});
  log.advance(state.ordered.position, state.ordered.head);
  if (!log.in_chain() || log.agreed().position != state.ordered.position) return std::nullopt;
  return log;
}

FeedLog Onlooker::feed_log(ConnectionId connection) const {
  FeedLog log;
  for (const std::string& text : ledger_.seen_by_anyone(connection)) {
    const auto key = feed_key(text);
    if (key) log.append(Observation{ObservationKind::Text, text, *key}, {}, {});
  }
  return log;
}

}  // namespace icws::sim
