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
class ProbeCanister : public Canister {
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

 protected:
  void write(std::string text) { lines_.push_back(std::move(text)); }

 private:
  static std::string text_of(const DataEntry& entry) {
    if (entry.kind == DataEntry::Kind::Gap) return "gap " + std::to_string(entry.gap_count);
    if (entry.kind == DataEntry::Kind::TransformFailed) {
      return "transform failed " + std::to_string(static_cast<int>(entry.fault));
    }
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

// The next version of the probe: it marks what it writes itself, has no transform, and takes over the state.
class SecondProbe final : public ProbeCanister {
 public:
  using ProbeCanister::ProbeCanister;
  void ws_data(CanisterContext& context, const DataCall& call) override {
    write("second");
    ProbeCanister::ws_data(context, call);
  }
};

// Another program, which does not understand the probe's state.
class StrangerCanister final : public Canister {
 public:
  Bytes call(CanisterContext&, std::string_view, BytesView) override { return {}; }
  void ws_opened(CanisterContext&, const OpenedCall&) override {}
  void ws_data(CanisterContext&, const DataCall&) override {}
  void ws_closed(CanisterContext&, const ClosedCall&) override {}
  Bytes query(std::string_view, BytesView) const override { return {}; }
  Bytes save() const override { return "stranger"; }
  void load(BytesView state) override {
    if (state != "stranger") throw std::runtime_error("not a state of this program");
  }
};

// The probe's transforms. "tail": the content behind the context (a separator), "fail..." throws, "drop..."
// is dropped; the key is the content's first character. "loop": takes whatever steps there are.
inline std::map<std::string, transform::TransformFunction, std::less<>> probe_transforms() {
  const transform::TransformFunction tail = [](const transform::TransformCall& call, transform::Meter&,
                                               transform::Delivered& out) {
    if (call.content.starts_with("fail")) throw std::runtime_error("told to");
    if (call.content.starts_with("drop")) return false;
    const size_t at = call.content.find(call.context);
    out.content = at == BytesView::npos ? call.content : call.content.substr(at + call.context.size());
    out.key = out.content.substr(0, 1);
    return true;
  };
  const transform::TransformFunction loop = [](const transform::TransformCall&, transform::Meter& meter,
                                               transform::Delivered&) {
    while (true) meter.charge(1'000);
    return true;
  };
  return {{"tail", tail}, {"loop", loop}};
}

}  // namespace icws::replica
