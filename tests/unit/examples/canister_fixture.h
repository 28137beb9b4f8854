// A canister under test with a host that notes what it asks for. The verbs are those of a user and of the
// service.
#pragma once

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <memory>
#include <string>
#include <vector>

#include "replica/canister.h"

namespace icws::examples {

// Grants everything unless told otherwise; ids and sequences count from 1.
class FakeContext final : public replica::CanisterContext {
 public:
  std::vector<replica::OpenArguments> opened;
  std::vector<Bytes> sent;
  std::vector<uint16_t> closed;
  uint64_t resubscribed = 0;
  std::optional<replica::Reject> refusal;

  BlockTime now{Milliseconds(1'000)};

  BlockTime time() const override { return now; }
  std::expected<ConnectionId, replica::Reject> ws_open(const replica::OpenArguments& arguments) override {
    if (refusal) return std::unexpected(*refusal);
    opened.push_back(arguments);
    return ConnectionId(opened.size());
  }
  std::expected<SendSequence, replica::Reject> ws_data(ConnectionId, replica::MessageKind,
                                                       Bytes content) override {
    if (refusal) return std::unexpected(*refusal);
    sent.push_back(std::move(content));
    return SendSequence(sent.size());
  }
  std::expected<SendSequence, replica::Reject> ws_resubscribe(ConnectionId) override {
    if (refusal) return std::unexpected(*refusal);
    return SendSequence(++resubscribed);
  }
  std::expected<void, replica::Reject> ws_close(ConnectionId, uint16_t code, std::string) override {
    if (refusal) return std::unexpected(*refusal);
    closed.push_back(code);
    return {};
  }
  std::expected<replica::StatusReply, replica::Reject> ws_status(ConnectionId) const override {
    return std::unexpected(replica::Reject{replica::RejectCode::NotFound, "not part of this fake"});
  }
  replica::AccountReply ws_account() const override { return {}; }
};

class CanisterFixture : public testing::Test {
 protected:
  explicit CanisterFixture(std::unique_ptr<replica::Canister> (*make)()) : make_(make), canister_(make()) {}

  boost::json::value call(std::string_view method, std::string_view arguments) {
    return boost::json::parse(canister_->call(context_, method, arguments));
  }
  boost::json::value query(std::string_view method, std::string_view arguments = "") const {
    return boost::json::parse(canister_->query(method, arguments));
  }
  // The message with which the call is refused; empty if it is not.
  std::string refusal_of(std::string_view method, std::string_view arguments) {
    try {
      canister_->call(context_, method, arguments);
    } catch (const std::exception& error) {
      return error.what();
    }
    return {};
  }

  void server_opens(uint32_t epoch = 1) {
    replica::OpenedCall opened;
    opened.connection = ConnectionId(1);
    opened.epoch = Epoch(epoch);
    opened.sequence = next();
    canister_->ws_opened(context_, opened);
  }
  void server_says(Bytes text) {
    replica::DataEntry entry;
    entry.content = std::move(text);
    deliver(std::move(entry));
  }
  void service_marks_gap(Bytes key, uint64_t count) {
    replica::DataEntry entry;
    entry.kind = replica::DataEntry::Kind::Gap;
    entry.key = std::move(key);
    entry.gap_count = count;
    deliver(std::move(entry));
  }
  void connection_ends(bool reconnecting) {
    replica::ClosedCall closed;
    closed.connection = ConnectionId(1);
    closed.sequence = next();
    closed.message = "the server went away";
    closed.reconnecting = reconnecting;
    canister_->ws_closed(context_, closed);
  }

  // Saves, loads into a new canister, and goes on with that one.
  void restart() {
    const Bytes state = canister_->save();
    canister_ = make_();
    canister_->load(state);
    EXPECT_EQ(canister_->save(), state);
  }

  replica::Canister& canister() { return *canister_; }
  FakeContext context_;

 private:
  EntrySequence next() { return EntrySequence(++sequence_); }
  void deliver(replica::DataEntry entry) {
    entry.sequence = next();
    canister_->ws_data(context_,
                       {.connection = ConnectionId(1), .time = context_.time(), .entries = {entry}});
  }

  std::unique_ptr<replica::Canister> (*make_)();
  std::unique_ptr<replica::Canister> canister_;
  uint64_t sequence_ = 0;
};

}  // namespace icws::examples
