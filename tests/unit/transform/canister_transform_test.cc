#include "transform/canister_transform.h"

#include <gtest/gtest.h>

#include <new>
#include <stdexcept>

namespace icws::transform {
namespace {

// Does what the message says, as far as it says something.
bool obedient(const TransformCall& call, Meter& meter, Delivered& out) {
  const std::string what(call.content);
  out.content = what + "/" + Bytes(call.context);
  out.key = call.kind == MessageKind::Text ? "t" : "b";
  if (what == "drop") return false;
  if (what == "throw") throw std::runtime_error("told to");
  if (what == "throw a number") throw 42;
  if (what == "no memory") throw std::bad_alloc();
  if (what == "all") meter.charge(meter.left() - out.content.size() - out.key.size());
  if (what == "one more") meter.charge(meter.left() - out.content.size() - out.key.size() + 1);
  if (what == "too much") meter.charge(meter.left() + 1);
  if (what == "hides it") {
    try {
      meter.charge(meter.left() + 1);
    } catch (const OverBudget&) {
      return false;
    }
  }
  if (what == "content 64") out.content.assign(64, 'c');
  if (what == "content 65") out.content.assign(65, 'c');
  if (what == "key 16") out.key.assign(16, 'k');
  if (what == "key 17") out.key.assign(17, 'k');
  if (what == "bad content") out.content = "\xff";
  if (what == "bad key") out.key = "\xff";
  return true;
}

constexpr Limits kLimits{
    .steps_base = 1'000, .steps_per_byte = 10, .content_bytes_max = 64, .key_bytes_max = 16};

struct Result {
  Outcome outcome;
  Delivered out;
};
Result applied(Bytes message, MessageKind kind = MessageKind::Text, Limits limits = kLimits) {
  CanisterTransform transform(&obedient, "context", limits);
  Result result{Outcome::Dropped, {"stale", "stale", Fault::Trapped}};
  result.outcome = transform.apply(kind, message, result.out);
  return result;
}

void expect_fault(const Bytes& message, Fault fault) {
  const Result result = applied(message);
  EXPECT_EQ(result.outcome, Outcome::Failed) << message;
  EXPECT_EQ(result.out.fault, fault) << message;
  EXPECT_EQ(result.out.content, "") << message;
  EXPECT_EQ(result.out.key, "") << message;
}

TEST(CanisterTransform, GetsKindContentAndContextAndGivesContentAndKey) {
  const Result text = applied("hello");
  EXPECT_EQ(text.outcome, Outcome::Delivered);
  EXPECT_EQ(text.out.content, "hello/context");
  EXPECT_EQ(text.out.key, "t");
  EXPECT_EQ(applied("hello", MessageKind::Binary).out.key, "b");
}

TEST(CanisterTransform, ADroppedMessageLeavesNothing) {
  const Result result = applied("drop");
  EXPECT_EQ(result.outcome, Outcome::Dropped);
  EXPECT_EQ(result.out.content, "");
  EXPECT_EQ(result.out.key, "");
}

TEST(CanisterTransform, WhateverItThrowsIsAFault) {
  expect_fault("throw", Fault::Trapped);
  expect_fault("throw a number", Fault::Trapped);
}

TEST(CanisterTransform, MemoryThatThisProcessLacksIsNoFaultOfTheMessage) {
  EXPECT_THROW(applied("no memory"), std::bad_alloc);
}

TEST(CanisterTransform, TheBudgetHoldsAtItsEdgeAndCannotBeHidden) {
  EXPECT_EQ(applied("all").outcome, Outcome::Delivered);
  expect_fault("one more", Fault::OverBudget);
  expect_fault("too much", Fault::OverBudget);
  expect_fault("hides it", Fault::OverBudget);
}

TEST(CanisterTransform, TheBudgetGrowsWithTheMessage) {
  Limits limits = kLimits;
  limits.steps_base = 0;
  limits.steps_per_byte = 1;
  // Reading it takes all; nothing is left for the result.
  EXPECT_EQ(applied("hello", MessageKind::Text, limits).outcome, Outcome::Failed);
  limits.steps_per_byte = 4;
  EXPECT_EQ(applied("hello", MessageKind::Text, limits).outcome, Outcome::Delivered);
}

TEST(CanisterTransform, TextsAndKeysAreUtf8) {
  expect_fault("bad content", Fault::NotUtf8);
  expect_fault("bad key", Fault::NotUtf8);
  EXPECT_EQ(applied("bad content", MessageKind::Binary).outcome, Outcome::Delivered);
}

TEST(CanisterTransform, ResultsHaveLimitsAtTheirEdges) {
  EXPECT_EQ(applied("content 64").outcome, Outcome::Delivered);
  expect_fault("content 65", Fault::ContentTooLarge);
  EXPECT_EQ(applied("key 16").outcome, Outcome::Delivered);
  expect_fault("key 17", Fault::KeyTooLarge);
}

}  // namespace
}  // namespace icws::transform
