// What is generated from the table: the committed files equal it, and the sample is what it says.
#include "adapter/config_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "adapter/config_parse.h"
#include "tests/support/child_process.h"

namespace icws::adapter {
namespace {

using testing::HasSubstr;

std::string read(const std::string& relative) {
  std::ifstream file(support::source_file(relative));
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST(ConfigText, CommittedFilesAreUpToDate) {
  EXPECT_EQ(read("docs/config.md"), config_document())
      << "run: build/bin/icws-adapter --print-config-document >docs/config.md";
  EXPECT_EQ(read("deploy/adapter.json"), config_sample())
      << "run: build/bin/icws-adapter --print-config-sample >deploy/adapter.json";
}

TEST(ConfigText, TheSampleChangesNothing) {
  AdapterConfig config;
  ASSERT_TRUE(apply_json(config_sample(), config));
  EXPECT_EQ(config, AdapterConfig{});
}

TEST(ConfigText, TheSampleHoldsEverySettingWithItsDefault) {
  std::istringstream lines(config_sample());
  std::string uncommented;
  size_t found = 0;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("  // \"")) {
      line.erase(2, 3);
      ++found;
    }
    uncommented += line + "\n";
  }
  EXPECT_EQ(found, settings().size());
  AdapterConfig config;
  ASSERT_TRUE(apply_json(uncommented, config)) << uncommented;
  EXPECT_EQ(config, AdapterConfig{});
}

TEST(ConfigText, TellsNumbersInReadableUnits) {
  EXPECT_THAT(help_of(*find_setting("event_bytes_max")), HasSubstr("default 8388608 (8 MiB)"));
  EXPECT_THAT(help_of(*find_setting("open_timeout")), HasSubstr("1 to 3600000 (1 h); default 30000 (30 s)"));
  EXPECT_THAT(help_of(*find_setting("events_max")), HasSubstr("default 65536"));
}

}  // namespace
}  // namespace icws::adapter
