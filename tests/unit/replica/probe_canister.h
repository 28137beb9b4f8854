// A canister that does what a test tells it to and writes down what it is told.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/archive.h"
#include "replica/canister.h"

namespace icws::replica {

// What a test hangs into all replicas' canisters. They run on every replica, and again when blocks are
// replayed.
struct Hooks {
  std::map<std::string, std::function<Bytes(CanisterContext&)>, std::less<>> calls;
  // Before the line is written; may throw.
  std::function<void(CanisterContext&, const OpenedCall&)> opened;
  std::function<void(CanisterContext&, const DataCall&)> data;
  std::function<void(CanisterContext&, const ClosedCall&)> closed;
};

// What: its state is a list of lines, one for each entry. Query "log" gives them, each with a line end.
class ProbeCanister final : public Canister {
 public:
  explicit ProbeCanister(std::shared_ptr<Hooks> hooks) : hooks_(std::move(hooks)) {}

  Bytes call(CanisterContext& context, std::string_view method, BytesView) override {
    lines_.push_back("call " + std::string(method));
    const auto hook = hooks_->calls.find(method);
    if (hook == hooks_->calls.end()) throw std::runtime_error("no method " + std::string(method));
    return hook->second(context);
  }
  void ws_opened(CanisterContext& context, const OpenedCall& call) override {
    lines_.push_back(line("opened", call.connection, call.sequence) + " epoch " +
                     std::to_string(call.epoch.value));
    if (hooks_->opened) hooks_->opened(context, call);
  }
  void ws_data(CanisterContext& context, const DataCall& call) override {
    for (const DataEntry& entry : call.entries) {
      lines_.push_back(line("data", call.connection, entry.sequence) + " " + text_of(entry));
    }
    if (hooks_->data) hooks_->data(context, call);
  }
  void ws_closed(CanisterContext& context, const ClosedCall& call) override {
    lines_.push_back(line("closed", call.connection, call.sequence) + " " + std::to_string(call.code) + " " +
                     std::string(transcript::cause_name(call.cause)) + (call.was_open ? "" : " never open") +
                     (call.reconnecting ? " reconnecting" : ""));
    if (hooks_->closed) hooks_->closed(context, call);
  }
  Bytes query(std::string_view method, BytesView) const override {
    if (method != "log") throw std::runtime_error("no query " + std::string(method));
    Bytes out;
    for (const std::string& each : lines_) out += each + "\n";
    return out;
  }
  Bytes save() const override { return archive_encode(lines_); }
  void load(BytesView state) override {
    auto decoded = archive_decode<std::vector<std::string>>(state);
    if (!decoded) throw std::runtime_error("the probe's state does not decode");
    lines_ = std::move(*decoded);
  }

 private:
  static std::string text_of(const DataEntry& entry) {
    if (entry.kind == DataEntry::Kind::Gap) return "gap " + std::to_string(entry.gap_count);
    if (entry.kind != DataEntry::Kind::Receipt) return entry.content.substr(0, 40);
    std::string out = "receipt " + std::to_string(entry.first_sent.value) + "-" +
                      std::to_string(entry.last_sent.value) + " by";
    for (const ReplicaIndex writer : entry.writers) out += " " + std::to_string(writer.value);
    return out;
  }
  static std::string line(const char* what, ConnectionId id, EntrySequence sequence) {
    return std::string(what) + " " + std::to_string(id.value) + "/" + std::to_string(sequence.value);
  }

  std::shared_ptr<Hooks> hooks_;
  std::vector<std::string> lines_;
};

}  // namespace icws::replica
