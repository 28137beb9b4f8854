// The whole replica against the scheme of HTTPS outcalls, where each replica signs each message's hash and
// verifies the signature of each other replica.
#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "tests/bench_agreement/bench_subnet.h"
#include "tests/bench_agreement/scaling_sections.h"

namespace icws::bench {
namespace {

constexpr size_t kMessageBytes = 64;
constexpr int kRounds = 5;
// A batch verification against one single verification of ours. Not measured here, since no C or C++ library
// of Debian offers it: ed25519-dalek 2 with 832 signatures in a batch took 20 us each on the machine where
// ours takes 108 us and its own single one 55 us.
constexpr double kBatchToSingle = 0.19;

struct Baseline {
  double per_message = 0;  // seconds, each signature verified alone
  double batched = 0;      // by the model
};

// A response as the block carries it: its content and the signatures of a quorum.
struct Share {
  Digest hash;
  Bytes signature;
};

// Everything that one replica does for one message: hash, sign, verify the others' shares, and put content
// and proof into a payload and take them out. What follows (call, state hash) is not counted, as it is for
// ours.
Baseline measure_baseline(uint32_t members) {
  std::vector<SigningKey> keys;
  std::vector<VerifyingKey> public_keys;
  for (uint32_t i = 0; i < members; ++i) {
    keys.emplace_back(sha256("member " + std::to_string(i)).view());
    public_keys.push_back(*VerifyingKey::from(keys.back().public_key()));
  }
  const size_t quorum = members - (members - 1) / 3, messages = 400 / members + 10;
  Duration all{0}, verifying{0};
  for (size_t m = 0; m < messages; ++m) {
    Bytes content = "response number " + std::to_string(m);
    content.resize(kMessageBytes, '.');
    const Bytes signed_bytes = "share" + std::to_string(m) + Bytes(sha256(content).view());
    std::vector<Share> shares(members);
    for (uint32_t i = 1; i < members; ++i) shares[i] = Share{sha256(content), keys[i].sign(signed_bytes)};
    const auto start = Clock::now();
    shares[0] = Share{sha256(content), keys[0].sign(signed_bytes)};
    const auto signed_at = Clock::now();
    for (uint32_t i = 1; i < members; ++i) {
      if (!public_keys[i].verify(signed_bytes, shares[i].signature)) std::abort();
    }
    verifying += Clock::now() - signed_at;
    Bytes payload = content;
    for (size_t i = 0; i < quorum; ++i) payload += shares[i].signature;
    if (sha256(BytesView(payload).substr(0, content.size())) != shares[0].hash) std::abort();
    all += Clock::now() - start;
  }
  const double count = static_cast<double>(messages);
  return Baseline{all.count() / count, (all - verifying + verifying * kBatchToSingle).count() / count};
}

Spent measure_ours(uint32_t members, replica::Mode mode) {
  Subnet subnet({members, mode, 1, 0});
  // A report lists 900 items, and half of them are settled by the block of its own height.
  const size_t per_block = mode == replica::Mode::Feed ? 400 : 1'000;
  for (int i = 0; i < 25; ++i) {
    if (i == 5) subnet.forget_spent();
    subnet.receive(0, per_block, kMessageBytes);
    subnet.block();
  }
  return subnet.spent();
}

void print_steps(const Spent& spent, uint32_t members) {
  const double us = 1e6 / static_cast<double>(spent.messages);
  std::printf(
      "    us a message: append %.2f, report %.2f, sign %.2f, verify %.2f, propose/n %.2f, check %.2f, "
      "execute %.2f\n",
      spent.append.count() * us, spent.report.count() * us, spent.sign.count() * us,
      spent.verify.count() * us, spent.propose.count() * us / members, spent.check.count() * us,
      spent.execute.count() * us);
}

}  // namespace

void print_baseline() {
  std::printf(
      "messages of %zu B a core second of one replica, median of %d rounds; ours: 1,000 (feed: 400) a "
      "block\n",
      kMessageBytes, kRounds);
  std::printf("%-8s %4s %12s %12s %12s %12s %12s\n", "mode", "n", "ours", "single", "ratio", "batch*",
              "ratio");
  for (const replica::Mode mode : {replica::Mode::Ordered, replica::Mode::Feed}) {
    for (const uint32_t members : {4u, 13u, 40u}) {
      struct Round {
        Baseline baseline;
        Spent ours;
        double rate, ratio, batch_ratio;
      };
      std::vector<Round> rounds;
      for (int i = 0; i < kRounds; ++i) {
        Round round{measure_baseline(members), measure_ours(members, mode), 0, 0, 0};
        round.rate = static_cast<double>(round.ours.messages) / round.ours.seconds(members);
        round.ratio = round.rate * round.baseline.per_message;
        round.batch_ratio = round.rate * round.baseline.batched;
        rounds.push_back(round);
      }
      std::ranges::sort(rounds, {}, &Round::ratio);
      const Round& median = rounds[kRounds / 2];
      std::printf("%-8s %4u %12.0f %12.0f %12.0f %12.0f %12.0f\n",
                  mode == replica::Mode::Feed ? "feed" : "ordered", members, median.rate,
                  1 / median.baseline.per_message, median.ratio, 1 / median.baseline.batched,
                  median.batch_ratio);
      print_steps(median.ours, members);
    }
  }
  std::printf("* model: a verification at %.2f of a single one\n\n", kBatchToSingle);
}

}  // namespace icws::bench
