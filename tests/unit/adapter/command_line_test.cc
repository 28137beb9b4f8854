// The command line, and its settings over the file's.
#include "adapter/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "tests/support/temporary_directory.h"

namespace icws::adapter {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::expected<CommandLine, ConfigFaults> parse(const std::vector<std::string>& arguments) {
  return parse_command_line(arguments);
}

TEST(CommandLine, TakesValuesEitherWay) {
  const auto parsed = parse(
      {"--socket", "/a", "--open-timeout=5", "--allow-network", "10.0.0.0/8", "--allow-network=fd00::/8"});
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->command, Command::kRun);
  const auto config = load_config(*parsed, false);
  ASSERT_TRUE(config);
  EXPECT_EQ(config->socket, "/a");
  EXPECT_EQ(config->open_timeout, Milliseconds(5));
  EXPECT_THAT(config->allow_networks, ElementsAre("10.0.0.0/8", "fd00::/8"));
}

TEST(CommandLine, KnowsItsCommands) {
  EXPECT_EQ(parse({"--help"})->command, Command::kHelp);
  EXPECT_EQ(parse({"--version"})->command, Command::kVersion);
  EXPECT_EQ(parse({"--check", "--socket", "/a"})->command, Command::kCheck);
  EXPECT_EQ(parse({"--print-config-sample"})->command, Command::kPrintSample);
  EXPECT_EQ(parse({"--print-config-document"})->command, Command::kPrintDocument);
}

TEST(CommandLine, NamesEveryFault) {
  const auto parsed = parse({"stray", "--open-timout", "5", "--unheard-of", "--socket"});
  ASSERT_FALSE(parsed);
  EXPECT_THAT(parsed.error(),
              ElementsAre("stray: not a flag", "--open-timout: no such flag; did you mean --open-timeout?",
                          "--unheard-of: no such flag", "--socket: a value is missing"));
}

TEST(CommandLine, PutsFlagsOverTheFile) {
  const support::TemporaryDirectory directory;
  const auto path = directory / "adapter.json";
  std::ofstream(path) << R"({"socket": "/file", "open_timeout": 1, "allow_networks": ["10.0.0.0/8"]})";
  const auto config =
      load_config(*parse({"--config", path, "--socket", "/flag", "--allow-network", "fd00::/8"}), false);
  ASSERT_TRUE(config);
  EXPECT_EQ(config->socket, "/flag");
  EXPECT_EQ(config->open_timeout, Milliseconds(1));
  EXPECT_THAT(config->allow_networks, ElementsAre("10.0.0.0/8", "fd00::/8"));
}

TEST(CommandLine, NamesFaultsOfFileFlagsAndTheirRelations) {
  const support::TemporaryDirectory directory;
  const auto path = directory / "adapter.json";
  std::ofstream(path) << R"({"open_timeout": 0, "nonsense": 1, "sockets_max": 5})";
  const auto config = load_config(*parse({"--config", path, "--log-level", "loud"}), false);
  ASSERT_FALSE(config);
  EXPECT_THAT(config.error(), testing::UnorderedElementsAre(HasSubstr("open_timeout"), HasSubstr("nonsense"),
                                                            HasSubstr("log_level"), HasSubstr("sockets_max"),
                                                            HasSubstr("socket: the path")));
}

TEST(CommandLine, SaysThatAFileCannotBeRead) {
  const support::TemporaryDirectory directory;
  const auto missing = load_config(*parse({"--config", directory / "none", "--socket", "/a"}), false);
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error(), ElementsAre(HasSubstr("cannot be read")));
  const auto folder = load_config(*parse({"--config", directory.path(), "--socket", "/a"}), false);
  ASSERT_FALSE(folder);
  EXPECT_THAT(folder.error(), ElementsAre(HasSubstr("cannot be read")));
}

TEST(CommandLine, HelpNamesEveryFlag) {
  const auto help = help_text();
  for (const auto& setting : settings()) EXPECT_THAT(help, HasSubstr(flag_of(setting) + " ")) << setting.name;
}

}  // namespace
}  // namespace icws::adapter
