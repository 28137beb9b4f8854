#include "sim/canister.h"

#include <map>
#include <sstream>
#include <stdexcept>

#include "base/archive.h"

namespace icws::sim {
namespace {

using replica::CanisterContext;

// Small, so that a small inbox has room for it.
constexpr uint64_t kMessageBytesMax = 2'000;
constexpr uint64_t kRecordedBytesMax = 200'000;

class SimCanister final : public replica::Canister {
 public:
  Bytes call(CanisterContext& context, std::string_view method, BytesView arguments) override {
    std::istringstream in{std::string(arguments)};
    if (method == "open") return open(context, in);
    if (method == "send") return send(context, in);
    throw std::runtime_error("no method " + std::string(method));
  }
  void ws_opened(CanisterContext&, const replica::OpenedCall& call) override {
    expect(call.connection, call.sequence);
  }
  void ws_data(CanisterContext&, const replica::DataCall& call) override {
    for (const replica::DataEntry& entry : call.entries) expect(call.connection, entry.sequence);
  }
  void ws_closed(CanisterContext&, const replica::ClosedCall& call) override {
    expect(call.connection, call.sequence);
  }
  Bytes query(std::string_view, BytesView) const override { return std::to_string(next_.size()); }
  Bytes save() const override { return archive_encode(next_); }
  void load(BytesView state) override {
    auto decoded = archive_decode<std::map<ConnectionId, EntrySequence>>(state);
    if (!decoded) throw std::runtime_error("the canister's state does not decode");
    next_ = std::move(*decoded);
  }

 private:
  Bytes open(CanisterContext& context, std::istringstream& in) {
    replica::OpenArguments arguments;
    std::string mode, writers;
    bool drop_oldest = false;
    in >> arguments.url >> mode >> arguments.reconnect >> writers >> drop_oldest;
    arguments.mode = mode == "ordered" ? replica::Mode::Ordered : replica::Mode::Feed;
    arguments.message_bytes_max = kMessageBytesMax;
    if (mode == "observations") {
      observe(arguments, in);
    } else if (arguments.mode == replica::Mode::Feed) {
      arguments.transform.json = true;
      arguments.transform.drop_pointers = {kDropPointer};
      arguments.transform.key_pointers = {kFeedKeyPointer};
    }
    if (mode == "capture") {
      arguments.transform.key_pointers = {kCaptureKeyPointers[0], kCaptureKeyPointers[1]};
      arguments.message_bytes_max = kRecordedBytesMax;
    }
    if (writers == "some") arguments.writers = replica::Writers::Some;
    if (writers == "single") arguments.writers = replica::Writers::Single;
    arguments.receipts = true;
    if (drop_oldest) arguments.overflow = replica::Overflow::DropOldest;
    arguments.open_timeout = Milliseconds(5'000);
    const auto id = context.ws_open(arguments);
    if (!id) throw std::runtime_error(id.error().message);
    return std::to_string(id->value);
  }

  // The median of what a server of values says.
  static void observe(replica::OpenArguments& arguments, std::istringstream& in) {
    replica::ObservationsSettings settings{replica::Deliver::Median, 0, Milliseconds(500), kValueAgeMax};
    in >> settings.min_responses;
    arguments.mode = replica::Mode::Observations;
    arguments.observations = settings;
    arguments.transform.json = true;
    arguments.transform.key_pointers = {"/0"};
    arguments.transform.value_pointer = "/1";
  }

  Bytes send(CanisterContext& context, std::istringstream& in) {
    uint64_t connection = 0;
    std::string text;
    in >> connection >> text;
    const auto sent = context.ws_data(ConnectionId(connection), replica::MessageKind::Text, text);
    // The connection may have ended by then: that is no fault of the canister.
    return sent ? std::to_string(sent->value) : sent.error().message;
  }

  void expect(ConnectionId connection, EntrySequence sequence) {
    EntrySequence& last = next_[connection];
    if (sequence != last.next()) throw std::runtime_error("an entry is missing or doubled");
    last = sequence;
  }

  std::map<ConnectionId, EntrySequence> next_;
};

}  // namespace

std::unique_ptr<replica::Canister> make_canister() { return std::make_unique<SimCanister>(); }

}  // namespace icws::sim
