// A replica that misbehaves in one named way, for tests: icws-replica-byzantine MODE <the flags of
// icws-replica>.
//
//   lie-digests       tells its core another content of every message than the adapter gave it
//   forge-contents    as proposer changes a message's content within the payload
//   oversize-report   reports one byte more than the cap
//   malformed-report  reports bytes that are no report
//   prune-reports     as proposer leaves out all reports
//   refuse-blocks     votes against every block
//   bad-signature     signs its reports with a key of its own
#include <iostream>
#include <mutex>

#include "tools/exit_status.h"
#include "tools/replica_program.h"

namespace {

using namespace icws;

// The contents that this replica saw last, so that it finds them in a payload.
class SeenContents {
 public:
  void put(const Bytes& content) {
    const std::lock_guard lock(mutex_);
    contents_.push_back(content);
    if (contents_.size() > 256) contents_.erase(contents_.begin());
  }
  // True if one was found and changed.
  bool forge(Bytes& payload) const {
    const std::lock_guard lock(mutex_);
    for (const Bytes& content : contents_) {
      const size_t at = content.empty() ? Bytes::npos : payload.find(content);
      if (at == Bytes::npos) continue;
      payload[at + content.size() / 2] ^= 1;
      return true;
    }
    return false;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<Bytes> contents_;
};

void lie(Bytes& content) {
  if (content.ends_with('}')) {
    content.insert(content.size() - 1, ",\"lie\":1");
  } else {
    content += " lie";
  }
}

// Passes everything to the core but what its mode spoils.
class Spoiler final : public replica::Application {
 public:
  Spoiler(replica::Application& core, std::string mode, const SeenContents& seen, size_t report_bytes_max)
      : core_(core), mode_(std::move(mode)), seen_(seen), report_bytes_max_(report_bytes_max) {}

  replica::ApplicationInfo info() const override { return core_.info(); }
  Bytes prepare_proposal(const replica::ProposalRequest& request) override {
    replica::ProposalRequest given = request;
    if (mode_ == "prune-reports") given.reports.clear();
    Bytes payload = core_.prepare_proposal(given);
    if (mode_ == "forge-contents" && seen_.forge(payload)) {
      std::cout << "forged the payload of height " << request.height.value << std::endl;
    }
    return payload;
  }
  std::expected<void, replica::Rejection> process_proposal(const replica::Block& block) override {
    if (mode_ == "refuse-blocks")
      return std::unexpected(replica::Rejection{replica::RejectionKind::Malformed, "refused, as asked"});
    return core_.process_proposal(block);
  }
  Bytes extend_vote(Height height, LocalTime now) override {
    Bytes report = core_.extend_vote(height, now);
    if (mode_ == "malformed-report") report = "no report";
    if (mode_ == "oversize-report") report.resize(report_bytes_max_ + 1, 'x');
    return report;
  }
  std::expected<void, replica::Rejection> verify_vote_extension(
      const replica::SignedReport& report) const override {
    return core_.verify_vote_extension(report);
  }
  std::expected<void, replica::Rejection> check_report(ReplicaIndex member, Height height,
                                                       BytesView report) const override {
    return core_.check_report(member, height, report);
  }
  replica::BlockResult finalize_block(const replica::Block& block) override {
    return core_.finalize_block(block);
  }
  void commit(LocalTime now) override { core_.commit(now); }

 private:
  replica::Application& core_;
  const std::string mode_;
  const SeenContents& seen_;
  const size_t report_bytes_max_;
};

}  // namespace

int main(int argc, char** argv) {
  const tools::Signals signals;
  if (argc < 2) {
    std::cerr << "usage: icws-replica-byzantine MODE <flags of icws-replica>\n";
    return tools::kExitUsage;
  }
  const std::string mode = argv[1];
  auto options = tools::parse_replica_options({argv + 2, argv + argc});
  if (!options) return options.error();
  if (mode == "bad-signature") options->seed = Bytes(32, 'b');

  SeenContents seen;
  tools::ReplicaHooks hooks;
  hooks.wrap = [&](replica::Application& core) {
    return std::make_unique<Spoiler>(core, mode, seen, options->cluster.report_bytes_max);
  };
  hooks.alter_event = [&](replica::AdapterEvent& event) {
    auto* numbered = std::get_if<replica::SocketEvent>(&event);
    auto* message = numbered == nullptr ? nullptr : std::get_if<replica::SocketMessage>(&numbered->what);
    if (message == nullptr) return;
    if (mode == "lie-digests") lie(message->content);
    seen.put(message->content);
  };
  return tools::run_replica(*options, hooks, signals);
}
