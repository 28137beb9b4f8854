#include "ws/handshake.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace icws::ws {
namespace {

using ::testing::HasSubstr;

// RFC 6455, section 1.3.
constexpr char kKey[] = "dGhlIHNhbXBsZSBub25jZQ==";
constexpr char kAccept[] = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

UpgradeRequest sample_request() {
  UpgradeRequest out;
  out.target = "/chat?x=1";
  out.host_header = "example.com:8080";
  out.key = kKey;
  out.subprotocols = {"v2.example", "v1.example"};
  out.headers = {{"Authorization", "Bearer abc"}, {"Origin", "https://example.com"}};
  return out;
}

std::vector<HeaderView> sample_answer() {
  return {{"Server", "test"},
          {"Upgrade", "websocket"},
          {"Connection", "Upgrade"},
          {"Sec-WebSocket-Accept", kAccept}};
}

void expect_refused(const std::vector<HeaderView>& headers, HandshakeError code, BytesView says) {
  const auto result = check_response(101, headers, sample_request());
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, code);
  EXPECT_THAT(result.error().message, HasSubstr(std::string(says)));
  EXPECT_LE(result.error().message.size(), 300u);
}

std::vector<HeaderView> with(HeaderView added) {
  std::vector<HeaderView> out = sample_answer();
  out.push_back(added);
  return out;
}

std::vector<HeaderView> with_value(size_t index, BytesView value) {
  std::vector<HeaderView> out = sample_answer();
  out[index].value = value;
  return out;
}

std::vector<HeaderView> without(size_t index) {
  std::vector<HeaderView> out = sample_answer();
  out.erase(out.begin() + static_cast<std::ptrdiff_t>(index));
  return out;
}

TEST(Handshake, MakesTheKeyAndTheAcceptOfRfc6455) {
  constexpr BytesView kNonce = "the sample nonce";
  std::array<uint8_t, 16> random;
  std::copy(kNonce.begin(), kNonce.end(), random.begin());
  EXPECT_EQ(make_key(random), kKey);
  EXPECT_EQ(accept_for(kKey), kAccept);
}

TEST(Handshake, BuildsTheRequest) {
  EXPECT_EQ(build_request(sample_request()),
            "GET /chat?x=1 HTTP/1.1\r\n"
            "Host: example.com:8080\r\n"
            "Upgrade: websocket\r\n"
            "Connection: Upgrade\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            "Sec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Protocol: v2.example, v1.example\r\n"
            "Authorization: Bearer abc\r\n"
            "Origin: https://example.com\r\n"
            "\r\n");
}

TEST(Handshake, TakesAGoodAnswer) {
  const auto plain = check_response(101, sample_answer(), sample_request());
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->subprotocol, "");
  const auto chosen = check_response(101, with({"sec-websocket-protocol", " v1.example "}), sample_request());
  ASSERT_TRUE(chosen);
  EXPECT_EQ(chosen->subprotocol, "v1.example");
}

TEST(Handshake, IgnoresCaseAndBlanksWhereHttpDoes) {
  const std::vector<HeaderView> headers = {{"UPGRADE", "\tWebSocket "},
                                           {"connection", "keep-alive"},
                                           {"CONNECTION", "foo, ,upGrade"},
                                           {"sec-websocket-accept", kAccept},
                                           {"Sec-WebSocket-Extensions", " , "}};
  EXPECT_TRUE(check_response(101, headers, sample_request()));
}

TEST(Handshake, RefusesOtherStatuses) {
  for (const unsigned status : {100u, 200u, 301u, 401u, 403u, 404u, 426u, 429u, 500u, 503u, 999u}) {
    const auto result = check_response(status, sample_answer(), sample_request());
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, HandshakeError::kStatus);
    EXPECT_THAT(result.error().message, HasSubstr("HTTP status " + std::to_string(status)));
  }
  EXPECT_THAT(check_response(302, {}, sample_request()).error().message,
              HasSubstr("redirects are not followed"));
}

TEST(Handshake, RefusesAnAnswerWithoutTheSwitch) {
  expect_refused(without(1), HandshakeError::kUpgrade, "no Upgrade header");
  expect_refused(with_value(1, "h2c"), HandshakeError::kUpgrade, "\"h2c\"");
  expect_refused(with_value(1, "websocket, h2c"), HandshakeError::kUpgrade, "not to websocket");
  expect_refused(without(2), HandshakeError::kConnection, "Connection: Upgrade");
  expect_refused(with_value(2, "keep-alive"), HandshakeError::kConnection, "Connection: Upgrade");
  expect_refused(with_value(2, "Upgraded"), HandshakeError::kConnection, "Connection: Upgrade");
}

TEST(Handshake, RefusesAWrongAccept) {
  expect_refused(without(3), HandshakeError::kAcceptMissing, "no Sec-WebSocket-Accept");
  expect_refused(with_value(3, ""), HandshakeError::kAcceptWrong, "does not answer our key");
  expect_refused(with_value(3, "S3pPLMBiTxaQ9kYGzzhZRbK+xOo="), HandshakeError::kAcceptWrong, "S3pPLM");
  expect_refused(with_value(3, "a\x01\xFF\"b"), HandshakeError::kAcceptWrong, "\"a...b\"");
  const std::string huge(100'000, 'A');
  expect_refused(with_value(3, huge), HandshakeError::kAcceptWrong, "AAA...");
}

TEST(Handshake, RefusesExtensionsAndSubprotocolsThatWereNotOffered) {
  expect_refused(with({"Sec-WebSocket-Extensions", "permessage-deflate; server_no_context_takeover"}),
                 HandshakeError::kExtension, "permessage-deflate");
  expect_refused(with({"Sec-WebSocket-Protocol", "v3.example"}), HandshakeError::kSubprotocol, "v3.example");
  expect_refused(with({"Sec-WebSocket-Protocol", ""}), HandshakeError::kSubprotocol, "not offered");
  expect_refused(with({"Sec-WebSocket-Protocol", "V1.EXAMPLE"}), HandshakeError::kSubprotocol, "not offered");
  expect_refused(with({"Sec-WebSocket-Protocol", "v1.example, v2.example"}), HandshakeError::kSubprotocol,
                 "not offered");
}

TEST(Handshake, RefusesDuplicates) {
  expect_refused(with({"Upgrade", "websocket"}), HandshakeError::kDuplicateHeader, "2 Upgrade");
  expect_refused(with({"sec-websocket-accept", kAccept}), HandshakeError::kDuplicateHeader,
                 "Sec-WebSocket-Accept");
  std::vector<HeaderView> twice = with({"Sec-WebSocket-Protocol", "v1.example"});
  twice.push_back({"Sec-WebSocket-Protocol", "v1.example"});
  expect_refused(twice, HandshakeError::kDuplicateHeader, "Sec-WebSocket-Protocol");
}

}  // namespace
}  // namespace icws::ws
