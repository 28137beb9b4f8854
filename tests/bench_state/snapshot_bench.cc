// What a snapshot costs, for a state with 3,000 connections: its size, writing it, what blocks notice of
// that, and restoring it. On RocksDB, in the directory for temporary files.
#include <cstdio>
#include <filesystem>

#include "engine/host/snapshot_store.h"
#include "engine/storage/rocks_storage.h"
#include "tests/bench_state/state_subnet.h"
#include "tests/support/temporary_directory.h"

namespace icws::replica {
namespace {

constexpr size_t kConnections = 3'000;
constexpr size_t kTalking = 100;
constexpr size_t kTalkBlocks = 600;
constexpr size_t kMessageBytes = 1'000;
constexpr size_t kWrites = 200;

double ms_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

void copy(const StorageReader& from, Storage& to) {
  WriteBatch batch;
  from.scan({}, {}, [&](BytesView key, BytesView value) {
    batch.put(Bytes(key), Bytes(value));
    if (batch.writes.size() == 10'000) to.apply(std::exchange(batch, {}));
    return true;
  });
  to.apply(batch);
}

// As a block commits, under a key that is not of the state: milliseconds, sorted.
std::vector<double> commits(Storage& storage, const std::function<bool()>& going) {
  std::vector<double> out;
  for (uint64_t i = 0; going(); ++i) {
    WriteBatch batch;
    batch.put("l/bench", Bytes(20'000, static_cast<char>(i)));
    const auto start = Clock::now();
    storage.apply(batch);
    out.push_back(ms_since(start));
  }
  std::ranges::sort(out);
  return out;
}

void print_commits(const char* name, const std::vector<double>& sorted) {
  std::printf("commit of 20 KB, %-22s %6.2f ms median, %6.2f ms p99, %6.2f ms longest, %zu of them\n", name,
              sorted[sorted.size() / 2], sorted[sorted.size() * 99 / 100], sorted.back(), sorted.size());
}

void run() {
  Subnet subnet(Mode::Ordered, Bytes(kMessageBytes, 'm'));
  subnet.open(kConnections);
  subnet.run(kTalking, kTalkBlocks);
  const support::TemporaryDirectory directory;
  engine::RocksStorage storage(directory / "state");
  copy(subnet.storage(), storage);
  const Height height = subnet.info().height;

  size_t left = kWrites;
  print_commits("alone", commits(storage, [&] { return left-- > 0; }));
  engine::SnapshotStore store(
      {directory / "snapshots", height.value, subnet.params().hash(), Height(0)},
      [&] { return storage.view(); }, [](const std::string& line) { std::printf("%s\n", line.c_str()); });
  const auto asked = Clock::now();
  store.on_commit(height);
  std::printf("a view for it, in a commit: %.3f ms\n", ms_since(asked));
  print_commits("while it is written", commits(storage, [&] { return store.list().empty(); }));

  engine::RocksStorage fresh(directory / "restored");
  Replica replica({subnet.params(), ReplicaIndex(0)}, subnet.verifier(), fresh,
                  Subnet::canisters(Mode::Ordered));
  const auto start = Clock::now();
  replica.begin_restore(height, subnet.info().app_hash);
  const size_t chunks = store.list().at(0).chunks.size();
  for (uint32_t i = 0; i < chunks; ++i) {
    if (const auto good = replica.restore(store.chunk(height, i)); !good)
      throw std::runtime_error(good.error().message);
  }
  const double taken = ms_since(start);
  if (const auto good = replica.finish_restore(); !good) throw std::runtime_error(good.error().message);
  std::printf("restored: %.0f ms for the chunks, %.0f ms to load the state; height %llu\n", taken,
              ms_since(start) - taken, static_cast<unsigned long long>(replica.info().height.value));
}

}  // namespace
}  // namespace icws::replica

int main() {
  std::printf("a state with %zu connections and about %zu entries of %zu bytes\n",
              icws::replica::kConnections, icws::replica::kTalking * icws::replica::kTalkBlocks,
              icws::replica::kMessageBytes);
  icws::replica::run();
  return 0;
}
