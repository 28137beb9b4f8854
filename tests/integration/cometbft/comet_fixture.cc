#include "tests/integration/cometbft/comet_fixture.h"

#include <unistd.h>

#include <cstdlib>
#include <map>
#include <set>
#include <sstream>

namespace icws::support {
namespace {

bool has_cometbft() {
  if (::access(built_program("cometbft").c_str(), X_OK) == 0) return true;
  const char* const path = std::getenv("PATH");
  std::istringstream folders(path == nullptr ? "" : path);
  for (std::string folder; std::getline(folders, folder, ':');) {
    if (::access((folder + "/cometbft").c_str(), X_OK) == 0) return true;
  }
  return false;
}

}  // namespace

void CometTest::SetUp() {
  if (!has_cometbft()) GTEST_SKIP() << "there is no cometbft: run scripts/install-cometbft";
}

void CometTest::begin(std::vector<std::string> flags, const std::string& more) {
  flags.insert(flags.begin(), {"--engine", "cometbft"});
  subnet_ = std::make_unique<Subnet>(std::move(flags));
  id_ = subnet_->open_echo_everywhere(server_.url(), more);
}

void CometTest::push(size_t count) {
  for (size_t i = 0; i < count; ++i) {
    pushed_.push_back("message " + std::to_string(pushed_.size()));
    server_.push(pushed_.back());
  }
}

void CometTest::expect_all_on(const std::vector<size_t>& replicas) {
  for (const size_t i : replicas) {
    EXPECT_EQ(subnet_->messages(i, id_, pushed_.size()), pushed_) << "replica " << i;
  }
  const auto same = [&](const auto& view) { return view.messages() == pushed_.size(); };
  EXPECT_TRUE(subnet_->wait_for(id_, same, replicas));
  EXPECT_EQ(subnet_->heads(id_, replicas).size(), 1u);
}

void CometTest::expect_one_app_hash(const std::vector<size_t>& replicas) {
  // The same height may be seen on two replicas only by chance, so look until it was on each pair.
  std::map<uint64_t, std::string> hashes;
  std::set<size_t> compared;
  EXPECT_TRUE(poll([&] {
    for (const size_t i : replicas) {
      const auto status = subnet_->replica(i).status(kTestDeadline);
      if (!status) continue;
      const auto [known, fresh] = hashes.try_emplace(status->height(), status->app_hash());
      EXPECT_EQ(known->second, status->app_hash()) << "replica " << i << " at " << status->height();
      if (!fresh) compared.insert(i);
    }
    return compared.size() == replicas.size();
  }));
}

}  // namespace icws::support
