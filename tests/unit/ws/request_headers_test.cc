#include "ws/request_headers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace icws::ws {
namespace {

using namespace std::string_literals;
using ::testing::HasSubstr;

void expect_refused(const std::expected<void, HeaderFailure>& result, HeaderError code, size_t index,
                    const std::string& says) {
  ASSERT_FALSE(result) << says;
  EXPECT_EQ(result.error().code, code) << result.error().message;
  EXPECT_EQ(result.error().index, index);
  EXPECT_THAT(result.error().message, HasSubstr(says));
  EXPECT_LE(result.error().message.size(), 300u);
}

TEST(RequestHeaders, TakesOrdinaryOnes) {
  EXPECT_TRUE(check_headers({}));
  const std::vector<HeaderField> headers = {{"Authorization", "Bearer abc"},
                                            {"Origin", "https://example.com"},
                                            {"User-Agent", ""},
                                            {"X-Name", "J\xC3\xBCrg"},
                                            {"!#$%&'*+-.^_`|~09azAZ", "any token"},
                                            {"X-Twice", "1"},
                                            {"X-Twice", "2"}};
  EXPECT_TRUE(check_headers(headers));
}

TEST(RequestHeaders, RefusesTheHandshakesOwn) {
  for (const char* name :
       {"Host", "hOST", "Connection", "Upgrade", "Sec-WebSocket-Key", "sec-websocket-protocol",
        "Sec-WebSocket-Anything", "Content-Length", "Transfer-Encoding", "TE", "te", "Trailer", "Expect",
        "Proxy-Authorization", "proxy-connection", "Keep-Alive"}) {
    const std::vector<HeaderField> headers = {{"X-Fine", "1"}, {name, "x"}};
    expect_refused(check_headers(headers), HeaderError::kNameForbidden, 1, "header 2 (\""s + name + "\")");
  }
  const std::vector<HeaderField> near = {
      {"Hostess", "x"}, {"X-Host", "x"}, {"Proxy", "x"}, {"Sec-WebSocket", "x"}};
  EXPECT_TRUE(check_headers(near));
}

TEST(RequestHeaders, RefusesNamesThatAreNoTokens) {
  expect_refused(check_headers(std::vector<HeaderField>{{"", "x"}}), HeaderError::kNameEmpty, 0, "header 1");
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    const bool token = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       (c != 0 && "!#$%&'*+-.^_`|~"s.find(c) != std::string::npos);
    const std::vector<HeaderField> headers = {{"X-"s + c, "x"}};
    const auto result = check_headers(headers);
    ASSERT_EQ(result.has_value(), token) << byte;
    if (!token) {
      expect_refused(result, HeaderError::kNameNotToken, 0, "byte 3 of the name");
    }
  }
}

TEST(RequestHeaders, RefusesControlBytesInValues) {
  for (int byte = 0; byte < 256; ++byte) {
    const std::vector<HeaderField> headers = {{"X-Name", "ab"s + static_cast<char>(byte)}};
    const auto result = check_headers(headers);
    ASSERT_EQ(result.has_value(), byte >= 0x20 && byte != 0x7F) << byte;
    if (!result) {
      expect_refused(result, HeaderError::kValueControlByte, 0, "byte 3 of the value");
    }
  }
}

TEST(RequestHeaders, LimitsNumberAndSizes) {
  std::vector<HeaderField> headers(kHeadersMax, {"X-Name", "v"});
  EXPECT_TRUE(check_headers(headers));
  headers.push_back({"X-Name", "v"});
  expect_refused(check_headers(headers), HeaderError::kTooMany, kHeadersMax, "65 headers; at most 64");

  headers = {{std::string(kHeaderPartBytesMax, 'n'), std::string(kHeaderPartBytesMax, 'v')}};
  EXPECT_TRUE(check_headers(headers));
  headers[0].value += "v";
  expect_refused(check_headers(headers), HeaderError::kValueTooLong, 0, "longer than 8192 bytes");
  headers[0] = {std::string(kHeaderPartBytesMax + 1, 'n'), ""};
  expect_refused(check_headers(headers), HeaderError::kNameTooLong, 0, "longer than 8192 bytes");

  headers.assign(6, {"N", std::string(kHeaderPartBytesMax - 1, 'v')});
  EXPECT_TRUE(check_headers(headers)) << "exactly 48 KiB";
  headers.push_back({"N", ""});
  expect_refused(check_headers(headers), HeaderError::kTogetherTooLong, 6, "49152 bytes together");
}

TEST(Subprotocols, TakesUniqueTokens) {
  EXPECT_TRUE(check_subprotocols({}));
  EXPECT_TRUE(check_subprotocols(std::vector<std::string>{"v1.example", "V1.example", "soap"}));
}

TEST(Subprotocols, RefusesOthers) {
  const auto check = [](std::vector<std::string> names) { return check_subprotocols(names); };
  expect_refused(check({"a", ""}), HeaderError::kNameEmpty, 1, "subprotocol 2");
  expect_refused(check({"a,b"}), HeaderError::kNameNotToken, 0, "byte 2");
  expect_refused(check({"a b"}), HeaderError::kNameNotToken, 0, "byte 2");
  expect_refused(check({"a\r\nX: y"}), HeaderError::kNameNotToken, 0, "byte 2");
  expect_refused(check({"a", "b", "a"}), HeaderError::kDuplicate, 2, "twice");
}

TEST(Subprotocols, LimitsNumberAndSizes) {
  std::vector<std::string> names;
  for (size_t i = 0; i < kSubprotocolsMax; ++i) names.push_back("p" + std::to_string(i));
  EXPECT_TRUE(check_subprotocols(names));
  names.push_back("more");
  expect_refused(check_subprotocols(names), HeaderError::kTooMany, kSubprotocolsMax, "at most 16");
  names = {std::string(kSubprotocolsBytesMax - 3, 'a'), "b"};
  EXPECT_TRUE(check_subprotocols(names));
  names[1] = "bb";
  expect_refused(check_subprotocols(names), HeaderError::kTogetherTooLong, 1, "8192 bytes together");
}

}  // namespace
}  // namespace icws::ws
