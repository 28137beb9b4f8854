#include "replica/open_check.h"

#include "tests/unit/replica/harness.h"

namespace icws::replica {
namespace {

// Empty: accepted.
std::string fault(const OpenArguments& arguments, const ClusterParams& params = test_params(4)) {
  const auto quorum = agreement::Quorum(static_cast<uint32_t>(params.replica_keys.size()));
  const auto checked = check_open(arguments, params, quorum);
  if (checked) return {};
  EXPECT_EQ(checked.error().code, RejectCode::InvalidArgument);
  return checked.error().message;
}

OpenArguments good() { return test_open(Mode::Feed); }

TEST(OpenCheck, AcceptsWhatIsFine) {
  EXPECT_EQ(fault(good()), "");
  EXPECT_EQ(fault(test_open(Mode::Ordered)), "");
}

TEST(OpenCheck, NamesAWrongUrl) {
  OpenArguments arguments = good();
  for (const char* url : {"", "http://a/", "ws://", "ws://a:99999/", "ws://user@a/"}) {
    arguments.url = url;
    EXPECT_THAT(fault(arguments), testing::HasSubstr("url: ")) << url;
  }
}

TEST(OpenCheck, NamesAWrongHeader) {
  OpenArguments arguments = good();
  arguments.headers = {{"X-Fine", "1"}, {"Host", "other"}};
  EXPECT_THAT(fault(arguments), testing::HasSubstr("header 2"));
  arguments.headers = {{"X-Fine", "\xc3\xa9"}};
  EXPECT_EQ(fault(arguments), "");
  arguments.headers.push_back({"X-Latin", "\xe9"});
  EXPECT_EQ(fault(arguments), "header 2: the value must be UTF-8");
  arguments.headers.assign(64, {"X", "1"});
  EXPECT_EQ(fault(arguments), "");
  arguments.headers.assign(65, {"X", "1"});
  EXPECT_THAT(fault(arguments), testing::HasSubstr("header"));
}

TEST(OpenCheck, NamesAWrongSubprotocol) {
  OpenArguments arguments = good();
  arguments.subprotocols = {"fine", "not fine"};
  EXPECT_THAT(fault(arguments), testing::HasSubstr("subprotocol 2"));
}

TEST(OpenCheck, LimitsResponseHeaders) {
  OpenArguments arguments = good();
  arguments.response_headers.assign(16, Bytes(256, 'a'));
  EXPECT_EQ(fault(arguments), "");
  arguments.response_headers.push_back("one-more");
  EXPECT_THAT(fault(arguments), testing::HasSubstr("response_headers: at most 16"));
  for (const Bytes& name : {Bytes(), Bytes("Upper"), Bytes("sp ace"), Bytes(257, 'a'), Bytes("\xc3\xa4")}) {
    arguments.response_headers = {name};
    EXPECT_THAT(fault(arguments), testing::HasSubstr("response_headers: ")) << name;
  }
}

TEST(OpenCheck, LimitsTheScriptAndNamesItsMessage) {
  OpenArguments arguments = good();
  const ClusterParams params = test_params(4);
  arguments.script.assign(params.script_messages_max, {MessageKind::Text, "x"});
  EXPECT_EQ(fault(arguments), "");
  arguments.script.push_back({MessageKind::Text, "x"});
  EXPECT_THAT(fault(arguments), testing::HasSubstr("script: at most 256 messages"));
  arguments.script = {{MessageKind::Binary, Bytes(params.script_bytes_max, '\xff')}};
  EXPECT_EQ(fault(arguments), "");
  arguments.script.push_back({MessageKind::Text, "x"});
  EXPECT_THAT(fault(arguments), testing::HasSubstr("script: at most 65536 bytes"));
  arguments.script = {{MessageKind::Text, "fine"}, {MessageKind::Text, "\xff"}};
  EXPECT_THAT(fault(arguments), testing::HasSubstr("script: message 2: content: "));
  arguments.script = {{static_cast<MessageKind>(9), "x"}};
  EXPECT_THAT(fault(arguments), testing::HasSubstr("script: message 1: kind: "));
}

TEST(OpenCheck, RefusesAnUnknownModeAndAKeyInOrdered) {
  OpenArguments arguments = good();
  arguments.mode = static_cast<Mode>(7);
  EXPECT_THAT(fault(arguments), testing::HasSubstr("mode: "));
  arguments.mode = Mode::Ordered;
  arguments.transform.json = true;
  arguments.transform.key_pointers = {"/a"};
  EXPECT_THAT(fault(arguments), testing::HasSubstr("transform.key_pointers: "));
}

TEST(OpenCheck, NamesAWrongTransform) {
  OpenArguments arguments = good();
  arguments.transform.drop_pointers = {"/id"};
  EXPECT_THAT(fault(arguments), testing::HasSubstr("transform: "));
  arguments.transform.json = true;
  EXPECT_EQ(fault(arguments), "");
  arguments.transform.keep_pointers = {"/a"};
  EXPECT_THAT(fault(arguments), testing::HasSubstr("transform: "));
}

TEST(OpenCheck, LimitsMessagesAndTheTimeout) {
  OpenArguments arguments = good();
  for (const uint64_t bytes : {uint64_t{1}, uint64_t{2'000'000}}) {
    arguments.message_bytes_max = bytes;
    EXPECT_EQ(fault(arguments), "");
  }
  for (const uint64_t bytes : {uint64_t{0}, uint64_t{2'000'001}, UINT64_MAX}) {
    arguments.message_bytes_max = bytes;
    EXPECT_THAT(fault(arguments), testing::HasSubstr("message_bytes_max: must be 1 to 2000000"));
  }
  arguments = good();
  for (const int64_t timeout : {1'000, 300'000}) {
    arguments.open_timeout = Milliseconds(timeout);
    EXPECT_EQ(fault(arguments), "");
  }
  for (const int64_t timeout : {-1, 0, 999, 300'001}) {
    arguments.open_timeout = Milliseconds(timeout);
    EXPECT_THAT(fault(arguments), testing::HasSubstr("open_timeout: "));
  }
}

TEST(SendCheck, LimitsKindSizeAndEncoding) {
  const ClusterParams params = test_params(4);
  EXPECT_TRUE(check_send(MessageKind::Text, Bytes(2'000'000, 'x'), params).has_value());
  EXPECT_THAT(check_send(MessageKind::Text, Bytes(2'000'001, 'x'), params).error().message,
              testing::HasSubstr("content: at most 2000000"));
  EXPECT_TRUE(check_send(MessageKind::Binary, "\xff", params).has_value());
  EXPECT_THAT(check_send(MessageKind::Text, "\xff", params).error().message, testing::HasSubstr("UTF-8"));
  EXPECT_THAT(check_send(static_cast<MessageKind>(0), "", params).error().message,
              testing::HasSubstr("kind: "));
}

TEST(CloseCheck, LimitsCodeAndReason) {
  for (const uint16_t code : {1000, 3000, 4999}) EXPECT_TRUE(check_close(code, Bytes(123, 'x')).has_value());
  for (const uint16_t code : {0, 999, 1001, 1005, 1006, 2999, 5000}) {
    EXPECT_THAT(check_close(code, "").error().message, testing::HasSubstr("code: ")) << code;
  }
  EXPECT_THAT(check_close(1000, Bytes(124, 'x')).error().message, testing::HasSubstr("reason: at most 123"));
  EXPECT_THAT(check_close(1000, "\xff").error().message, testing::HasSubstr("reason: must be UTF-8"));
}

OpenArguments observing() {
  OpenArguments out = test_open(Mode::Observations);
  out.transform.json = true;
  out.transform.key_pointers = {"/s"};
  out.transform.value_pointer = "/p";
  out.observations = {Deliver::Median, 3, Milliseconds(1'000), Milliseconds(5'000)};
  return out;
}

TEST(OpenCheck, TakesObservationsAtTheirLimits) {
  OpenArguments arguments = observing();
  EXPECT_EQ(fault(arguments), "");
  arguments.observations->interval = Milliseconds(100);
  arguments.observations->age_max = Milliseconds(1'000);
  EXPECT_EQ(fault(arguments), "");
  arguments.observations->interval = Milliseconds(3'600'000);
  arguments.observations->age_max = Milliseconds(86'400'000);
  EXPECT_EQ(fault(arguments), "");
  arguments.observations->deliver = Deliver::All;
  arguments.observations->min_responses = 2;
  arguments.transform.value_pointer.reset();
  EXPECT_EQ(fault(arguments), "");
}

TEST(OpenCheck, RefusesObservationsBeyondTheirLimits) {
  const auto refuses = [](const char* field, auto change) {
    OpenArguments arguments = observing();
    change(arguments);
    EXPECT_THAT(fault(arguments), testing::HasSubstr(field));
  };
  refuses("min_responses", [](OpenArguments& a) { a.observations->min_responses = 2; });
  refuses("min_responses", [](OpenArguments& a) { a.observations->min_responses = 4; });
  refuses("min_responses", [](OpenArguments& a) {
    a.observations->deliver = Deliver::All;
    a.observations->min_responses = 1;
  });
  refuses("interval", [](OpenArguments& a) { a.observations->interval = Milliseconds(99); });
  refuses("interval", [](OpenArguments& a) { a.observations->interval = Milliseconds(3'600'001); });
  refuses("age_max", [](OpenArguments& a) { a.observations->age_max = Milliseconds(999); });
  refuses("age_max", [](OpenArguments& a) { a.observations->age_max = Milliseconds(86'400'001); });
  refuses("deliver", [](OpenArguments& a) { a.observations->deliver = static_cast<Deliver>(3); });
  refuses("key_pointers", [](OpenArguments& a) { a.transform.key_pointers.clear(); });
  refuses("value_pointer", [](OpenArguments& a) { a.transform.value_pointer.reset(); });
  refuses("observations: ", [](OpenArguments& a) { a.observations.reset(); });
  refuses("observations: ", [](OpenArguments& a) { a.mode = Mode::Feed; });
}

OpenArguments delegating() {
  OpenArguments out = test_open(Mode::Delegated);
  out.message_bytes_max = kDelegatedMessageBytesMax;
  out.delegated.emplace();
  return out;
}

TEST(OpenCheck, TakesDelegatedAtItsLimits) {
  OpenArguments arguments = delegating();
  EXPECT_EQ(fault(arguments), "");
  arguments.delegated->timeout = Milliseconds(2'000);
  arguments.receipts = true;
  EXPECT_EQ(fault(arguments), "");
  arguments.delegated->timeout = Milliseconds(300'000);
  EXPECT_EQ(fault(arguments), "");
}

TEST(OpenCheck, RefusesDelegatedBeyondItsLimits) {
  const auto refuses = [](const char* field, auto change) {
    OpenArguments arguments = delegating();
    change(arguments);
    EXPECT_THAT(fault(arguments), testing::StartsWith(field));
  };
  refuses("delegated.timeout: ", [](OpenArguments& a) { a.delegated->timeout = Milliseconds(1'999); });
  refuses("delegated.timeout: ", [](OpenArguments& a) { a.delegated->timeout = Milliseconds(300'001); });
  refuses("message_bytes_max: ", [](OpenArguments& a) { ++a.message_bytes_max; });
  refuses("chunks: ", [](OpenArguments& a) { a.chunks = true; });
  refuses("writers: ", [](OpenArguments& a) { a.writers = Writers::Single; });
  refuses("overflow: ", [](OpenArguments& a) { a.overflow = Overflow::DropOldest; });
  refuses("transform.method: ", [](OpenArguments& a) { a.transform.method = "after"; });
  refuses("delegated: ", [](OpenArguments& a) { a.delegated.reset(); });
  refuses("delegated: ", [](OpenArguments& a) { a.mode = Mode::Feed; });
}

}  // namespace
}  // namespace icws::replica
