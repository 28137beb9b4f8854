#include "engine/storage/rocks_storage.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "tests/support/temporary_directory.h"

namespace icws::engine {
namespace {

std::vector<Bytes> keys(const replica::StorageReader& storage, BytesView prefix, BytesView from = {}) {
  std::vector<Bytes> out;
  storage.scan(prefix, from, [&](BytesView key, BytesView) {
    out.emplace_back(key);
    return true;
  });
  return out;
}

TEST(RocksStorage, ReadsItsOwnWritesAfterReopening) {
  const support::TemporaryDirectory directory;
  {
    RocksStorage storage(directory / "state");
    replica::WriteBatch batch;
    batch.put("a", "1");
    batch.put("b", "2");
    batch.put("a", "3");
    batch.remove("b");
    batch.put(Bytes("\0\xff", 2), "");
    storage.apply(batch);
  }
  const RocksStorage storage(directory / "state");
  EXPECT_EQ(storage.get("a"), "3");
  EXPECT_EQ(storage.get("b"), std::nullopt);
  EXPECT_EQ(storage.get(BytesView("\0\xff", 2)), "");
}

TEST(RocksStorage, ScansAPrefixInByteOrderFromAKey) {
  const support::TemporaryDirectory directory;
  RocksStorage storage(directory / "state");
  replica::WriteBatch batch;
  for (const char* key : {"p/1", "p/2", "p/\xff", "o", "q"}) batch.put(key, key);
  storage.apply(batch);
  EXPECT_EQ(keys(storage, "p/"), (std::vector<Bytes>{"p/1", "p/2", "p/\xff"}));
  EXPECT_EQ(keys(storage, "p/", "p/2"), (std::vector<Bytes>{"p/2", "p/\xff"}));
  EXPECT_EQ(keys(storage, "p/", "a"), (std::vector<Bytes>{"p/1", "p/2", "p/\xff"}));
  EXPECT_TRUE(keys(storage, "r").empty());
  int visited = 0;
  storage.scan("p/", {}, [&](BytesView, BytesView) { return ++visited < 2; });
  EXPECT_EQ(visited, 2);
}

TEST(RocksStorage, AViewStaysAsItWas) {
  const support::TemporaryDirectory directory;
  RocksStorage storage(directory / "state");
  replica::WriteBatch batch;
  for (const char* key : {"p/1", "p/2"}) batch.put(key, "before");
  storage.apply(batch);
  const auto view = storage.view();
  batch = {};
  batch.remove("p/1");
  batch.put("p/2", "after");
  batch.put("p/3", "after");
  storage.apply(batch);
  EXPECT_EQ(keys(*view, "p/"), (std::vector<Bytes>{"p/1", "p/2"}));
  EXPECT_EQ(view->get("p/2"), "before");
  EXPECT_EQ(view->get("p/3"), std::nullopt);
  EXPECT_EQ(keys(*storage.view(), "p/"), (std::vector<Bytes>{"p/2", "p/3"}));
}

TEST(RocksStorage, RefusesASecondOwner) {
  const support::TemporaryDirectory directory;
  const RocksStorage storage(directory / "state");
  EXPECT_THROW(RocksStorage(directory / "state"), std::runtime_error);
}

// The child commits batch i = {counter: i, half-1: i, half-2: i} and tells each; it is killed between or amid
// two.
TEST(RocksStorage, KilledAtAnyMomentKeepsEveryToldBatchWhole) {
  const support::TemporaryDirectory directory;
  uint64_t told = 0;
  for (int life = 0; life < 5; ++life) {
    int pipe_ends[2];
    ASSERT_EQ(::pipe(pipe_ends), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      RocksStorage storage(directory / "state");
      for (uint64_t i = std::stoull(storage.get("counter").value_or("0")) + 1;; ++i) {
        replica::WriteBatch batch;
        for (const char* key : {"counter", "half-1", "half-2"}) batch.put(key, std::to_string(i));
        batch.put("blob", Bytes(20'000, 'x'));
        storage.apply(batch);
        if (::write(pipe_ends[1], &i, sizeof i) != sizeof i) ::_exit(1);
      }
    }
    ::close(pipe_ends[1]);
    for (int i = 0; i < 50 + life; ++i)
      ASSERT_EQ(::read(pipe_ends[0], &told, sizeof told), ssize_t{sizeof told});
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    while (::read(pipe_ends[0], &told, sizeof told) > 0) {
    }
    ::close(pipe_ends[0]);
    const RocksStorage storage(directory / "state");
    const auto counter = storage.get("counter");
    ASSERT_TRUE(counter);
    EXPECT_GE(std::stoull(*counter), told);
    EXPECT_LE(std::stoull(*counter), told + 1);
    EXPECT_EQ(storage.get("half-1"), counter);
    EXPECT_EQ(storage.get("half-2"), counter);
  }
}

}  // namespace
}  // namespace icws::engine
