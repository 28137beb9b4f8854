// Runs a fuzz target over its corpus and over mutations of it, the same ones every time: what a fuzzer once
// found stays found, also where there is no libFuzzer. The target aborts when it finds something.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "base/prng.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace icws {
namespace {

constexpr int kMutationsPerSeed = 2'000;

void run(const std::string& input) {
  // Memory of its own, as large as the input, so that sanitizers see a read beyond it.
  const std::vector<uint8_t> own(input.begin(), input.end());
  LLVMFuzzerTestOneInput(own.data(), own.size());
}

std::vector<std::string> read_corpus() {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(ICWS_CORPUS)) paths.push_back(entry.path());
  std::ranges::sort(paths);
  std::vector<std::string> out;
  for (const auto& path : paths) {
    std::ifstream file(path, std::ios::binary);
    out.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  return out;
}

void mutate(Prng& prng, std::string& input, const std::vector<std::string>& corpus) {
  const size_t at = prng.below(input.size() + 1);
  switch (prng.below(5)) {
    case 0:
      input.insert(at, 1, static_cast<char>(prng.next()));
      break;
    case 1:
      input.erase(at, prng.below(8));
      break;
    case 2:
      if (at < input.size()) input[at] = static_cast<char>(input[at] ^ (1 << prng.below(8)));
      break;
    case 3:
      if (at < input.size()) input[at] = static_cast<char>(prng.next());
      break;
    case 4: {
      const std::string& other = corpus[prng.below(corpus.size())];
      const size_t from = prng.below(other.size() + 1);
      input.insert(at, other.substr(from, prng.below(40)));
      break;
    }
  }
}

TEST(Corpus, Passes) {
  const std::vector<std::string> corpus = read_corpus();
  ASSERT_FALSE(corpus.empty());
  run("");
  for (const std::string& input : corpus) run(input);
}

TEST(Corpus, PassesMutated) {
  const std::vector<std::string> corpus = read_corpus();
  Prng prng(1);
  for (const std::string& seed : corpus) {
    for (int i = 0; i < kMutationsPerSeed; ++i) {
      std::string input = seed;
      for (uint64_t steps = 1 + prng.below(6); steps > 0; --steps) mutate(prng, input, corpus);
      run(input);
    }
  }
}

}  // namespace
}  // namespace icws
