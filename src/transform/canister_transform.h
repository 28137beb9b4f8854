// A canister's own transform: code that canisters bring, run on one message at a time by every replica for
// itself.
//
// It is a query that sees the message and the context that ws_open gave, and nothing else: not the canister's
// state, which changes between the moments at which replicas receive one message, no clock, no randomness.
// For a native canister it is a plain function, so there is nothing to hold state in. A host of Wasm
// canisters would run it on an instance of its own, made from the module that is pinned for the epoch, with
// fresh memory for each message, no stable memory, no imports but those that read the arguments and give the
// reply, and the steps as its instructions.
#pragma once

#include <cstdint>
#include <exception>

#include "transform/message_transform.h"

namespace icws::transform {

// A step stands for an instruction or so: an honest bound of the time. Work is linear in what the server
// sends, as with the JSON transform, so that no canister can make nodes fall behind its own traffic.
struct Limits {
  // A message's budget: so many steps, and so many for each of its bytes. 2 MB take about 0.2 s at most.
  uint64_t steps_base = 20'000;
  uint64_t steps_per_byte = 100;
  // Bytes of the results.
  uint64_t content_bytes_max = 2'000'000;
  uint64_t key_bytes_max = 4'096;
};

class OverBudget final : public std::exception {
 public:
  const char* what() const noexcept override { return "the transform is over its budget of steps"; }
};

// What: counts steps. Thread-safety: none.
class Meter {
 public:
  explicit Meter(uint64_t steps_max) : left_(steps_max) {}
  // Throws OverBudget where `steps` are more than are left; from then on there are none.
  void charge(uint64_t steps) {
    if (steps > left_) {
      exhausted_ = true;
      left_ = 0;
      throw OverBudget();
    }
    left_ -= steps;
  }
  // Also where whoever ran over the budget has caught the exception.
  bool exhausted() const { return exhausted_; }
  uint64_t left() const { return left_; }

 private:
  uint64_t left_;
  bool exhausted_ = false;
};

struct TransformCall {
  MessageKind kind = MessageKind::Text;
  BytesView content;
  // OpenArguments::transform.context.
  BytesView context;
};

// False: the message is dropped. A native transform charges the meter for what it does; each byte of message
// and result is charged for it already. Any exception is a fault.
using TransformFunction = bool (*)(const TransformCall& call, Meter& meter, Delivered& out);

// What: one connection's transform of that kind. Thread-safety: as MessageTransform. Ownership: a value.
// Errors: whatever the function does wrong is a Fault; std::bad_alloc passes through, for it is no fault of
// the message's.
class CanisterTransform final : public MessageTransform {
 public:
  CanisterTransform(TransformFunction function, Bytes context, Limits limits)
      : function_(function), context_(std::move(context)), limits_(limits) {}

  Outcome apply(MessageKind kind, BytesView message, Delivered& out) override;

 private:
  TransformFunction function_;
  Bytes context_;
  Limits limits_;
};

}  // namespace icws::transform
