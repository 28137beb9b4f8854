#include "engine/local/block_log.h"

#include <gtest/gtest.h>

#include <fstream>

#include "tests/support/temporary_directory.h"

namespace icws::engine {
namespace {

class BlockLogTest : public testing::Test {
 protected:
  static LoggedBlock block(uint64_t height) {
    LoggedBlock out;
    out.members = {ReplicaIndex(0), ReplicaIndex(2)};
    out.block.height = Height(height);
    out.block.time = BlockTime(Milliseconds(static_cast<int64_t>(1'000 * height)));
    out.block.payload = "payload " + std::to_string(height);
    out.block.transactions = {"one", Bytes("\0two", 4)};
    out.previous_app_hash = sha256(std::to_string(height - 1));
    return out;
  }
  void fill(uint64_t blocks) {
    BlockLog log(file_, "chain");
    for (uint64_t h = log.head().value + 1; h <= blocks; ++h) log.append(block(h));
  }
  Bytes contents() const {
    std::ifstream in(file_, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void set_contents(const Bytes& bytes) {
    std::ofstream(file_, std::ios::binary | std::ios::trunc)
        .write(bytes.data(), static_cast<long>(bytes.size()));
  }

  support::TemporaryDirectory directory_;
  std::filesystem::path file_ = directory_ / "blocks";
};

TEST_F(BlockLogTest, GivesBackWhatWasAppended) {
  fill(3);
  const BlockLog log(file_, "chain");
  EXPECT_EQ(log.head(), Height(3));
  EXPECT_EQ(log.torn_bytes(), 0u);
  const auto read = log.read(Height(2));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->block.payload, "payload 2");
  EXPECT_EQ(read->block.transactions, block(2).block.transactions);
  EXPECT_EQ(read->block.time, block(2).block.time);
  EXPECT_EQ(read->previous_app_hash, block(2).previous_app_hash);
  EXPECT_FALSE(log.read(Height(0)));
  EXPECT_FALSE(log.read(Height(4)));
}

TEST_F(BlockLogTest, CutsATornTailAtEveryByte) {
  fill(2);
  const size_t whole = contents().size();
  fill(3);
  const Bytes full = contents();
  for (size_t size = whole; size < full.size(); ++size) {
    set_contents(full.substr(0, size));
    {
      BlockLog log(file_, "chain");
      EXPECT_EQ(log.head(), Height(2)) << "at " << size;
      EXPECT_EQ(log.torn_bytes(), size - whole);
      log.append(block(3));
    }
    EXPECT_EQ(contents(), full);
  }
}

TEST_F(BlockLogTest, CutsALastRecordWhoseBytesNeverArrived) {
  fill(2);
  const size_t whole = contents().size();
  fill(3);
  Bytes bytes = contents();
  std::fill(bytes.begin() + static_cast<long>(whole) + 20, bytes.end(), '\0');
  set_contents(bytes);
  EXPECT_EQ(BlockLog(file_, "chain").head(), Height(2));
  std::fill(bytes.begin() + static_cast<long>(whole), bytes.end(), '\0');
  set_contents(bytes);
  EXPECT_EQ(BlockLog(file_, "chain").head(), Height(2));
}

TEST_F(BlockLogTest, RefusesDamageOfAnyByteBeforeTheLastRecord) {
  fill(2);
  const size_t before_last = contents().size();
  fill(3);
  const Bytes good = contents();
  for (size_t at = 0; at < before_last; ++at) {
    Bytes bytes = good;
    bytes[at] ^= 0x41;
    set_contents(bytes);
    EXPECT_THROW(BlockLog(file_, "chain"), std::runtime_error) << "byte " << at;
    EXPECT_EQ(contents(), bytes) << "nothing is cut off";
  }
  Bytes zeroed = good;
  std::fill_n(zeroed.begin() + static_cast<long>(before_last / 2), 40, '\0');
  set_contents(zeroed);
  EXPECT_THROW(BlockLog(file_, "chain"), std::runtime_error);
}

TEST_F(BlockLogTest, RefusesAnotherChainAnotherFileAndASecondProcess) {
  fill(1);
  EXPECT_THROW(BlockLog(file_, "other"), std::runtime_error);
  const BlockLog held(file_, "chain");
  EXPECT_THROW(BlockLog(file_, "chain"), std::runtime_error);
  file_ = directory_ / "other";
  set_contents("something else altogether");
  EXPECT_THROW(BlockLog(file_, "chain"), std::runtime_error);
}

TEST_F(BlockLogTest, RefusesBlocksOutOfOrder) {
  BlockLog log(file_, "chain");
  EXPECT_THROW(log.append(block(2)), std::runtime_error);
  log.append(block(1));
  EXPECT_THROW(log.append(block(1)), std::runtime_error);
}

}  // namespace
}  // namespace icws::engine
