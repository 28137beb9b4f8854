#include "replica/snapshot.h"

#include "base/signature.h"
#include "proof/verify.h"
#include "replica/keys.h"
#include "tests/unit/replica/harness.h"

namespace icws::replica {
namespace {

using Kind = SnapshotFault::Kind;
using Records = std::vector<std::pair<Bytes, Bytes>>;

Bytes snapshot_of(const StorageReader& storage, const SnapshotLimits& limits = {}) {
  Bytes out;
  const auto written = write_snapshot(storage, [&](BytesView piece) { return out += piece, true; }, limits);
  if (!written) throw std::runtime_error(written.error().message);
  return out;
}

void put_sized(Bytes& out, BytesView bytes) {
  ArchiveWriter writer;
  writer(Bytes(bytes));
  out += writer.take();
}

// In the order in which they are given, right or not.
Bytes encode(const Records& records) {
  Bytes out = "icws.snapshot.1\n";
  for (const auto& [key, value] : records) {
    put_sized(out, key);
    put_sized(out, value);
  }
  return out;
}

Records records_of(const StorageReader& storage) {
  Records out;
  storage.scan({}, {}, [&](BytesView key, BytesView value) {
    if (!key.starts_with("l/") && key != "s") out.emplace_back(key, value);
    return true;
  });
  return out;
}

// Every kind of record: four members of five by a change, connections of all sorts, more entries than are
// kept, others that wait for their canister, sends that nobody has written.
class FullState {
 public:
  static constexpr uint32_t kEntriesKept = 40;

  FullState() : subnet(params()) {
    ordered = subnet.opened(test_open(Mode::Ordered));
    feed = subnet.opened(test_open(Mode::Feed));
    idle = subnet.opened(test_open(Mode::Ordered));
    const ConnectionId ended = subnet.opened(test_open(Mode::Ordered));
    for (int i = 0; i < 100; ++i) subnet.all_see(ordered, "o" + std::to_string(i));
    subnet.blocks(40);
    older = subnet.storage(0);
    change_keys();
    for (int i = 0; i < 20; ++i) subnet.all_see(ordered, "p" + std::to_string(i));
    subnet.all_see(feed, "f");
    subnet.all_close(ended);
    subnet.send(idle, "unsent");
    subnet.send(idle, "too");
    subnet.blocks(5);
    // Among a quorum of these it is the only one: not agreed yet.
    subnet.sees(0, ordered, "more");
    subnet.blocks(1);
  }

  static SigningKey key(uint32_t number) {
    return SigningKey(sha256("seed " + std::to_string(number)).view());
  }

  static ClusterParams params() {
    ClusterParams out = test_params(4);
    for (uint32_t i = 0; i < 4; ++i) out.replica_keys[i] = key(i).public_key();
    out.transcript_entries_kept = kEntriesKept;
    out.delivery_bytes_per_block_max = 300;
    return out;
  }

  SnapshotCheck::Expected expected() {
    const ApplicationInfo now = subnet.replica(0).info();
    return {now.height, now.app_hash, subnet.params().hash(), kEntriesKept};
  }
  const MemoryStorage& storage() { return subnet.storage(0); }

  Harness subnet;
  ConnectionId ordered, feed, idle;
  // Some blocks ago.
  MemoryStorage older;

 private:
  void change_keys() {
    const ReplicaSet& set = subnet.replica(0).newest_replicas();
    const Height next = subnet.replica(0).info().height.next();
    SignedSetChange change;
    change.change = {set.hash(), set.version + 1, next.next(2), set.members};
    change.change.members[3].public_key = key(9).public_key();
    const Bytes bytes = agreement::set_change_sign_bytes(subnet.params().chain_id, change.change);
    for (uint32_t i = 0; i < 3; ++i) change.signatures.push_back({ReplicaIndex(i), key(i).sign(bytes)});
    EXPECT_TRUE(subnet.block({.transactions = {encode_set_change(change)}}).results.at(0).ok);
  }
};

std::optional<Kind> fault(const SnapshotCheck::Expected& expected, BytesView bytes,
                          const SnapshotLimits& limits = {}) {
  SnapshotCheck check(expected, limits);
  auto good = check.add(bytes, [](BytesView, BytesView) {});
  if (good) good = check.finish();
  if (good) return std::nullopt;
  EXPECT_FALSE(good.error().message.empty());
  return good.error().kind;
}

TEST(Snapshot, IsTheSameOnAllReplicasAndHasEveryKindOfRecord) {
  FullState state;
  const Bytes bytes = snapshot_of(state.storage());
  for (size_t i = 1; i < 4; ++i) EXPECT_EQ(snapshot_of(state.subnet.storage(i)), bytes);
  const Records records = records_of(state.storage());
  EXPECT_EQ(encode(records), bytes);
  for (const Bytes& prefix : keys::leaf_prefixes()) {
    EXPECT_TRUE(std::ranges::any_of(records, [&](const auto& one) { return one.first.starts_with(prefix); }))
        << prefix;
  }
  EXPECT_EQ(fault(state.expected(), bytes), std::nullopt);
}

// Then the same blocks lead to the same app hashes (the harness compares), and everything can still be
// proved.
TEST(Snapshot, ARestoredReplicaGoesOnAsTheOthers) {
  FullState state;
  Harness& subnet = state.subnet;
  subnet.restore(3, snapshot_of(state.storage()), subnet.replica(0).info());
  EXPECT_EQ(subnet.replica(3).info().app_hash, subnet.replica(0).info().app_hash);
  EXPECT_EQ(records_of(subnet.storage(3)), records_of(subnet.storage(0)));
  for (int i = 0; i < 20; ++i) subnet.all_see(state.feed, "g" + std::to_string(i));
  subnet.blocks(30);
  EXPECT_EQ(subnet.log(3), subnet.log(0));
  EXPECT_EQ(subnet.count("g19", 3), 1u);
  const auto here = subnet.replica(3).prove(state.ordered, EntrySequence(110), EntrySequence(0));
  const auto there = subnet.replica(0).prove(state.ordered, EntrySequence(110), EntrySequence(0));
  ASSERT_TRUE(here && there);
  EXPECT_EQ(here->entries, there->entries);
  EXPECT_EQ(here->proof, there->proof);
  EXPECT_EQ(here->changes.size(), 1u);
  // And after a restart.
  subnet.crash(3);
  subnet.start(3);
  subnet.blocks(2);
}

TEST(Snapshot, ARestoredReplicaReportsAndSends) {
  FullState state;
  Harness& subnet = state.subnet;
  subnet.restore(3, snapshot_of(state.storage()), subnet.replica(0).info());
  subnet.blocks(2);
  ASSERT_TRUE(subnet.section(3, state.idle));
  EXPECT_NE(subnet.view(state.feed, 3).socket, "none");
  // One replica is away: this one must be among those that decide.
  subnet.crash(1);
  for (const size_t i : {0u, 2u, 3u}) subnet.sees(i, state.feed, "with three");
  subnet.until([&] { return subnet.count("with three") == 1; });
}

TEST(Snapshot, AnyOtherByteIsFound) {
  FullState state;
  const auto expected = state.expected();
  const Bytes good = snapshot_of(state.storage());
  for (size_t at = 0; at < good.size(); at += 11) {
    for (const int flip : {0x01, 0x80}) {
      Bytes bad = good;
      bad[at] = static_cast<char>(bad[at] ^ flip);
      ASSERT_TRUE(fault(expected, bad)) << at << " of " << good.size();
    }
  }
}

TEST(Snapshot, AnyRecordThatIsChangedMissingTwiceOrElsewhereIsFound) {
  FullState state;
  const auto expected = state.expected();
  const Records good = records_of(state.storage());
  for (size_t i = 0; i < good.size(); ++i) {
    Records other = good;
    if (other[i].second.empty()) other[i].second = "x";
    other[i].second.back() = static_cast<char>(other[i].second.back() ^ 1);
    EXPECT_TRUE(fault(expected, encode(other))) << keys::readable(good[i].first);
    other = good;
    other.erase(other.begin() + static_cast<ptrdiff_t>(i));
    EXPECT_TRUE(fault(expected, encode(other))) << keys::readable(good[i].first);
    other = good;
    other.insert(other.begin() + static_cast<ptrdiff_t>(i), good[i]);
    EXPECT_EQ(fault(expected, encode(other)), Kind::Order) << keys::readable(good[i].first);
    if (i == 0) continue;
    other = good;
    std::swap(other[i - 1], other[i]);
    EXPECT_TRUE(fault(expected, encode(other))) << keys::readable(good[i].first);
  }
}

TEST(Snapshot, ForeignRecordsAreFound) {
  FullState state;
  const auto with = [&](const Bytes& key, const Bytes& value) {
    Records records = records_of(state.storage());
    const auto place = std::ranges::lower_bound(records, key, {}, &Records::value_type::first);
    records.insert(place, {key, value});
    return fault(state.expected(), encode(records));
  };
  for (const Bytes& key : {keys::local(state.idle), keys::kStateHash, keys::kRestoring, keys::kDiverged,
                           Bytes("b/"), Bytes("t"), Bytes("zz"), Bytes(1, '\0')}) {
    EXPECT_EQ(with(key, "value"), Kind::Foreign) << key;
  }
  EXPECT_EQ(with("", "value"), Kind::Order);
  EXPECT_EQ(with("t/1", "value"), Kind::Foreign);
  // Of no connection, and before and after those that are kept.
  const uint64_t last = state.subnet.view(state.ordered).entries.value;
  const auto old = keys::transcript(state.ordered, EntrySequence(last - FullState::kEntriesKept));
  ASSERT_TRUE(state.older.get(old));
  EXPECT_EQ(with(old, *state.older.get(old)), Kind::Transcript);
  const auto newest = *state.storage().get(keys::transcript(state.ordered, EntrySequence(last)));
  EXPECT_EQ(with(keys::transcript(state.ordered, EntrySequence(last + 1)), newest), Kind::Transcript);
  EXPECT_EQ(with(keys::transcript(ConnectionId(77), EntrySequence(1)), newest), Kind::Transcript);
  // More of what leaves may be.
  for (const Bytes& prefix : keys::leaf_prefixes()) EXPECT_TRUE(with(prefix + "0", "value")) << prefix;
}

TEST(Snapshot, IsOfOneHeightOneHashAndOneSubnet) {
  FullState state;
  const Bytes bytes = snapshot_of(state.storage());
  const SnapshotCheck::Expected good = state.expected();
  auto other = good;
  other.height = good.height.next();
  EXPECT_EQ(fault(other, bytes), Kind::WrongParams);
  other = good;
  other.params = sha256("another subnet");
  EXPECT_EQ(fault(other, bytes), Kind::WrongParams);
  other = good;
  other.app_hash = sha256("another state");
  EXPECT_EQ(fault(other, bytes), Kind::AppHash);
  EXPECT_EQ(fault(good, snapshot_of(state.older)), Kind::WrongParams);
  EXPECT_EQ(fault(good, ""), Kind::Malformed);
  EXPECT_EQ(fault(good, "icws.snapshot.1\n"), Kind::AppHash);
  EXPECT_EQ(fault(good, "icws.snapshot.2\n"), Kind::Malformed);
}

TEST(Snapshot, ATornOneIsFound) {
  FullState state;
  const Bytes good = snapshot_of(state.storage());
  for (size_t size = 0; size < good.size(); size += 101)
    EXPECT_TRUE(fault(state.expected(), BytesView(good).substr(0, size))) << size;
  EXPECT_EQ(fault(state.expected(), BytesView(good).substr(0, good.size() - 1)), Kind::Malformed);
  EXPECT_TRUE(fault(state.expected(), good + "x"));
}

TEST(Snapshot, MayComeInPiecesOfAnySize) {
  FullState state;
  const Bytes good = snapshot_of(state.storage());
  for (const size_t size : {1u, 2u, 15u, 16u, 17u, 1000u}) {
    SnapshotCheck check(state.expected());
    Records taken;
    for (size_t at = 0; at < good.size(); at += size) {
      ASSERT_TRUE(check.add(BytesView(good).substr(at, size),
                            [&](BytesView key, BytesView value) { taken.emplace_back(key, value); }));
    }
    EXPECT_TRUE(check.finish());
    EXPECT_EQ(taken, records_of(state.storage()));
  }
}

TEST(Snapshot, HasOneEncoding) {
  FullState state;
  const Bytes good = snapshot_of(state.storage());
  // The first record's key, behind a length of two bytes.
  Bytes padded = good;
  padded[16] = static_cast<char>(padded[16] | 0x80);
  padded.insert(17, 1, '\0');
  EXPECT_EQ(fault(state.expected(), padded), Kind::Malformed);
}

TEST(Snapshot, KeepsItsLimits) {
  FullState state;
  const Bytes good = snapshot_of(state.storage());
  const Records records = records_of(state.storage());
  SnapshotLimits exact{good.size(), 0, 0, 0};
  for (const auto& [key, value] : records) {
    exact.leaves += !key.starts_with("t/");
    exact.key_bytes = std::max<uint64_t>(exact.key_bytes, key.size());
    exact.value_bytes = std::max<uint64_t>(exact.value_bytes, value.size());
  }
  EXPECT_EQ(fault(state.expected(), good, exact), std::nullopt);
  EXPECT_EQ(snapshot_of(state.storage(), exact), good);
  for (uint64_t SnapshotLimits::* const limit : {&SnapshotLimits::bytes, &SnapshotLimits::leaves,
                                                 &SnapshotLimits::key_bytes, &SnapshotLimits::value_bytes}) {
    SnapshotLimits less = exact;
    --(less.*limit);
    EXPECT_EQ(fault(state.expected(), good, less), Kind::Oversize);
    EXPECT_THROW(snapshot_of(state.storage(), less), std::runtime_error);
  }
  // A length over the limit is refused before anything of that length comes, and so is one that never ends.
  Bytes claim = "icws.snapshot.1\n\1g";
  ArchiveWriter length;
  length(SnapshotLimits().value_bytes + 1);
  EXPECT_EQ(fault(state.expected(), claim + length.bytes()), Kind::Oversize);
  EXPECT_EQ(fault(state.expected(), claim + Bytes(5, '\x80')), Kind::Malformed);
}

// Whatever the moment: at the next start there is all of the state or nothing.
TEST(Snapshot, ACrashWhileRestoringLeavesNothingOrAllOfIt) {
  class Crash {};
  class Dying final : public Storage {
   public:
    Dying(MemoryStorage& inner, size_t batches) : inner_(inner), left_(batches) {}
    std::optional<Bytes> get(BytesView key) const override { return inner_.get(key); }
    void scan(BytesView prefix, BytesView from,
              const std::function<bool(BytesView, BytesView)>& visit) const override {
      inner_.scan(prefix, from, visit);
    }
    void apply(const WriteBatch& batch) override {
      if (left_ == 0) throw std::runtime_error("died");
      --left_;
      inner_.apply(batch);
    }

   private:
    MemoryStorage& inner_;
    size_t left_;
  };
  FullState state;
  Harness& subnet = state.subnet;
  const Bytes good = snapshot_of(state.storage());
  const ApplicationInfo info = subnet.replica(0).info();
  subnet.crash(3);
  bool whole = false;
  for (size_t batches = 0; !whole; ++batches) {
    subnet.wipe(3);
    try {
      Dying storage(subnet.storage(3), batches);
      SnapshotRestore restore(storage, state.expected());
      for (size_t at = 0; at < good.size(); at += 1'000)
        ASSERT_TRUE(restore.add(BytesView(good).substr(at, 1'000)));
      ASSERT_TRUE(restore.finish());
      whole = true;
    } catch (const std::runtime_error&) {
    }
    const auto replica = subnet.make(3);
    EXPECT_EQ(replica->info().height, whole ? info.height : Height(0));
    if (!whole) {
      EXPECT_TRUE(records_of(subnet.storage(3)).empty()) << batches;
    }
  }
  EXPECT_EQ(subnet.make(3)->info().app_hash, info.app_hash);
}

TEST(Snapshot, AfterAFalseOneAnotherCanBeRestored) {
  FullState state;
  Harness& subnet = state.subnet;
  const Bytes good = snapshot_of(state.storage());
  Bytes bad = good;
  bad.back() = static_cast<char>(bad.back() ^ 1);
  const ApplicationInfo info = subnet.replica(0).info();
  subnet.crash(3);
  subnet.wipe(3);
  const auto replica = subnet.make(3);
  const ApplicationInfo genesis = replica->info();
  replica->begin_restore(info.height, info.app_hash);
  EXPECT_TRUE(replica->restore(BytesView(bad).substr(0, bad.size() / 2)));
  EXPECT_TRUE(replica->transcript(state.ordered, EntrySequence(1), 10).empty());
  EXPECT_TRUE(replica->restore(BytesView(bad).substr(bad.size() / 2)));
  EXPECT_FALSE(replica->finish_restore());
  EXPECT_FALSE(replica->restoring());
  EXPECT_EQ(replica->info().app_hash, genesis.app_hash);
  EXPECT_TRUE(records_of(subnet.storage(3)).empty());
  // A second offer while the first comes in.
  replica->begin_restore(info.height, info.app_hash);
  EXPECT_TRUE(replica->restore(BytesView(good).substr(0, 5'000)));
  replica->begin_restore(info.height, info.app_hash);
  EXPECT_TRUE(replica->restore(good));
  EXPECT_TRUE(replica->finish_restore());
  EXPECT_EQ(replica->info().app_hash, info.app_hash);
  EXPECT_THROW(replica->begin_restore(info.height, info.app_hash), std::runtime_error);
}

// A node that gives up state sync begins with the first block.
TEST(Snapshot, ABlockInBetweenDropsWhatWasRestored) {
  FullState state;
  Harness& subnet = state.subnet;
  const ApplicationInfo info = subnet.replica(0).info();
  subnet.crash(3);
  subnet.wipe(3);
  {
    const auto replica = subnet.make(3);
    replica->begin_restore(info.height, info.app_hash);
    ASSERT_TRUE(replica->restore(BytesView(snapshot_of(state.storage())).substr(0, 5'000)));
    const Block first = subnet.block_at(Height(1));
    replica->finalize_block(first);
    EXPECT_FALSE(replica->restoring());
    replica->commit(subnet.local_now());
  }
  subnet.start(3);
  subnet.blocks(2);
}

}  // namespace
}  // namespace icws::replica
