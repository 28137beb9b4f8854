#include "examples/echo/echo_canister.h"

#include <gmock/gmock.h>

#include "tests/unit/examples/canister_fixture.h"

namespace icws::examples {
namespace {

using testing::HasSubstr;

class EchoCanister : public CanisterFixture {
 protected:
  EchoCanister() : CanisterFixture(make_echo_canister) {}
};

TEST_F(EchoCanister, OpensWithTheArgumentsOfTheCall) {
  const auto reply =
      call("open", R"({"url":"ws://host/","mode":"feed","json":true,"drop":["/id"],"key":["/k"],
      "headers":{"X-A":"b"},"subprotocols":["p"],"script":["hello"],"reconnect":true,"open_timeout_ms":5000,
      "compression":true})");
  EXPECT_EQ(reply.at("connection").to_number<uint64_t>(), 1u);
  const replica::OpenArguments& open = context_.opened.at(0);
  EXPECT_EQ(open.url, "ws://host/");
  EXPECT_EQ(open.mode, replica::Mode::Feed);
  EXPECT_EQ(open.transform.drop_pointers, std::vector<std::string>{"/id"});
  EXPECT_EQ(open.headers, (std::vector<replica::Header>{{"X-A", "b"}}));
  EXPECT_EQ(open.script.at(0).content, "hello");
  EXPECT_EQ(open.open_timeout, Milliseconds(5'000));
  EXPECT_TRUE(open.reconnect);
  EXPECT_TRUE(open.compression);
  call("open", R"({"url":"ws://host/"})");
  EXPECT_FALSE(context_.opened.at(1).compression);
}

TEST_F(EchoCanister, SaysWhichArgumentIsWrong) {
  EXPECT_THAT(refusal_of("open", "{}"), HasSubstr("\"url\" is missing"));
  EXPECT_THAT(refusal_of("open", R"({"url":"ws://h/","mod":"feed"})"), HasSubstr("\"mod\" is not known"));
  EXPECT_THAT(refusal_of("open", R"({"url":"ws://h/","mode":"both"})"), HasSubstr("ordered, feed or delegated"));
  EXPECT_THAT(refusal_of("send", R"({"connection":-1,"text":""})"), HasSubstr("whole number"));
  EXPECT_THAT(refusal_of("send", "not json"), HasSubstr("one JSON object"));
  EXPECT_THAT(refusal_of("sing", "{}"), HasSubstr("open, send, resubscribe"));
  EXPECT_TRUE(context_.opened.empty());
}

TEST_F(EchoCanister, PassesTheServicesRejectOn) {
  context_.refusal = replica::Reject{replica::RejectCode::QueueFull, "the outbox is full"};
  EXPECT_EQ(refusal_of("send", R"({"connection":1,"text":"a"})"), "QUEUE_FULL: the outbox is full");
}

TEST_F(EchoCanister, RecordsAnswersInOrder) {
  call("open", R"({"url":"ws://host/"})");
  server_opens();
  call("send", R"({"connection":1,"text":"one"})");
  server_says("one");
  server_says("two");
  EXPECT_EQ(context_.sent, std::vector<Bytes>{"one"});
  const auto answers = query("answers");
  EXPECT_EQ(answers.at("count").to_number<uint64_t>(), 2u);
  EXPECT_EQ(answers.at("answers").at(0).at("text"), "one");
  EXPECT_EQ(answers.at("answers").at(1).at("text"), "two");
  EXPECT_EQ(query("answers", R"({"newest":1})").at("answers").at(0).at("text"), "two");
  EXPECT_EQ(query("status").at("connections").at(0).at("state"), "open");
}

TEST_F(EchoCanister, KeepsTheNewestThousandAndCountsAll) {
  for (int i = 1; i <= 1'001; ++i) server_says(std::to_string(i));
  const auto answers = query("answers", R"({"newest":5000})");
  EXPECT_EQ(answers.at("count").to_number<uint64_t>(), 1'001u);
  EXPECT_EQ(answers.at("answers").as_array().size(), 1'000u);
  EXPECT_EQ(answers.at("answers").at(0).at("text"), "2");
}

TEST_F(EchoCanister, CutsALongAnswerAtACharacter) {
  // 4,095 bytes and a character of two: the cut after 4,096 would split it.
  server_says(std::string(4'095, 'a') + "\xc3\xa9");
  const auto answer = query("answers").at("answers").at(0);
  EXPECT_EQ(answer.at("bytes").to_number<uint64_t>(), 4'097u);
  EXPECT_EQ(answer.at("text").as_string().size(), 4'095u);
}

TEST_F(EchoCanister, TrapsOnDataWhenTold) {
  call("trap_on_data", R"({"enabled":true})");
  EXPECT_THROW(server_says("a"), std::runtime_error);
  call("trap_on_data", R"({"enabled":false})");
  server_says("b");
  EXPECT_EQ(query("answers").at("count").to_number<uint64_t>(), 1u);
}

TEST_F(EchoCanister, TellsHowAConnectionEnded) {
  call("open", R"({"url":"ws://host/"})");
  connection_ends(false);
  const auto connection = query("connections").at("connections").at(0);
  EXPECT_EQ(connection.at("state"), "closed");
  EXPECT_EQ(connection.at("close").at("cause"), "CONNECTION");
  EXPECT_EQ(connection.at("close").at("message"), "the server went away");
}

TEST_F(EchoCanister, SurvivesSaveAndLoad) {
  call("open", R"({"url":"ws://host/"})");
  server_opens();
  server_says("one");
  service_marks_gap("", 3);
  restart();
  EXPECT_EQ(query("status").at("connections").at(0).at("missing").to_number<uint64_t>(), 3u);
  EXPECT_EQ(query("answers").at("answers").at(0).at("text"), "one");
  EXPECT_THROW(canister().load("nonsense"), std::runtime_error);
}

}  // namespace
}  // namespace icws::examples
