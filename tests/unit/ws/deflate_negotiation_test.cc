#include "ws/deflate_negotiation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace icws::ws {
namespace {

using ::testing::HasSubstr;

// Everything that can be offered, so that any answer is about an offered parameter.
constexpr DeflateOffer kPlain{};
constexpr DeflateOffer kSmallWindows{.server_max_window_bits = 10, .client_max_window_bits = 12};
constexpr DeflateOffer kForgetful{.server_no_context_takeover = true, .client_no_context_takeover = true};
constexpr DeflateOffer kNoClientBits{.client_max_window_bits = std::nullopt};

auto judge(BytesView value, const std::optional<DeflateOffer>& offer = kPlain) {
  return judge_extensions(std::span(&value, 1), offer);
}

void expect_refused(BytesView value, HandshakeError code, BytesView says,
                    const std::optional<DeflateOffer>& offer = kPlain) {
  const auto judged = judge(value, offer);
  ASSERT_FALSE(judged) << value;
  EXPECT_EQ(judged.error().code, code) << value;
  EXPECT_THAT(judged.error().message, HasSubstr(std::string(says))) << value;
  EXPECT_LE(judged.error().message.size(), 300u);
}

void expect_agreed(BytesView value, const DeflateParameters& parameters, const DeflateOffer& offer = kPlain) {
  const auto judged = judge(value, offer);
  ASSERT_TRUE(judged) << value << ": " << judged.error().message;
  ASSERT_TRUE(judged->has_value()) << value;
  EXPECT_EQ(**judged, parameters) << value;
}

TEST(DeflateNegotiation, WritesTheOffer) {
  EXPECT_EQ(offer_text({}), "permessage-deflate; client_max_window_bits");
  EXPECT_EQ(offer_text(kNoClientBits), "permessage-deflate");
  EXPECT_EQ(offer_text(kSmallWindows),
            "permessage-deflate; server_max_window_bits=10; client_max_window_bits=12");
  EXPECT_EQ(offer_text(kForgetful),
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover; "
            "client_max_window_bits");
}

TEST(DeflateNegotiation, TakesNoAnswerForNoCompression) {
  EXPECT_EQ(judge_extensions({}, kPlain), std::nullopt);
  EXPECT_EQ(judge_extensions({}, std::nullopt), std::nullopt);
  for (const BytesView empty : {"", " ", ",", " , ,\t"}) {
    EXPECT_EQ(judge(empty), std::nullopt) << empty;
    EXPECT_EQ(judge(empty, std::nullopt), std::nullopt) << empty;
  }
}

TEST(DeflateNegotiation, TakesEveryParameter) {
  expect_agreed("permessage-deflate", {});
  expect_agreed("permessage-deflate; server_no_context_takeover", {.server_no_context_takeover = true});
  expect_agreed("permessage-deflate; client_no_context_takeover", {.client_no_context_takeover = true});
  for (uint8_t bits = 8; bits <= 15; ++bits) {
    const std::string number = std::to_string(bits);
    expect_agreed("permessage-deflate; server_max_window_bits=" + number, {.server_max_window_bits = bits});
    expect_agreed("permessage-deflate; client_max_window_bits=" + number, {.client_max_window_bits = bits});
  }
  expect_agreed(
      "permessage-deflate; client_max_window_bits=9; server_max_window_bits=8; client_no_context_takeover; "
      "server_no_context_takeover",
      {true, true, 8, 9});
}

TEST(DeflateNegotiation, TakesBlanksQuotesAndEmptyElementsWhereTheGrammarDoes) {
  const DeflateParameters ten{.client_max_window_bits = 10};
  expect_agreed("permessage-deflate;client_max_window_bits=\"10\"", ten);
  expect_agreed("permessage-deflate ; client_max_window_bits = 10 ", ten);
  expect_agreed(", permessage-deflate\t;\tclient_max_window_bits\t=\t\"1\\0\" ,", ten);
}

TEST(DeflateNegotiation, ReadsSeveralFieldsAsOneList) {
  const BytesView values[] = {"", "permessage-deflate", " ,"};
  EXPECT_EQ(judge_extensions(values, kPlain), DeflateParameters{});
  const BytesView twice[] = {"permessage-deflate", "permessage-deflate"};
  EXPECT_EQ(judge_extensions(twice, kPlain).error().code, HandshakeError::kExtensionTwice);
  // A field ends its own elements.
  const BytesView split[] = {"permessage-deflate", "; server_no_context_takeover"};
  EXPECT_EQ(judge_extensions(split, kPlain).error().code, HandshakeError::kExtensionSyntax);
}

TEST(DeflateNegotiation, RefusesWhatDoesNotFollowTheGrammar) {
  for (const BytesView value :
       {";", "permessage-deflate;", "permessage-deflate; ;", "permessage-deflate; =10", "=",
        "permessage-deflate=1", "permessage-deflate client_max_window_bits=10",
        "permessage-deflate; client_max_window_bits=", "permessage-deflate; client_max_window_bits=\"10",
        "permessage-deflate; client_max_window_bits=\"\"",
        "permessage-deflate; client_max_window_bits=\"1 0\"",
        "permessage-deflate; client_max_window_bits=\"10\\",
        "permessage-deflate; client_max_window_bits=\"10\"x", "permessage-deflate; client_max_window_bits=1@",
        "permessage-deflate; client_max_window_bits==10", "\"permessage-deflate\"", "permessage-deflate\x01",
        "permessage-deflate; a=\"\xC3\xA9\"", "permessage-deflate:"}) {
    expect_refused(value, HandshakeError::kExtensionSyntax, "grammar");
    // Also where nothing was offered.
    expect_refused(value, HandshakeError::kExtensionSyntax, "grammar", std::nullopt);
  }
}

TEST(DeflateNegotiation, RefusesWhatWasNotOffered) {
  expect_refused("permessage-deflate", HandshakeError::kExtension, "permessage-deflate", std::nullopt);
  for (const BytesView value :
       {"x-webkit-deflate-frame", "permessage-bzip2; x=1", "Permessage-Deflate", "permessage-deflat",
        "permessage-deflate, mux", "mux, permessage-deflate", "permessage-deflate; unknown, mux"}) {
    expect_refused(value, HandshakeError::kExtension, "not offered");
  }
}

TEST(DeflateNegotiation, RefusesTheSameExtensionTwice) {
  expect_refused("permessage-deflate, permessage-deflate", HandshakeError::kExtensionTwice, "2 times");
  expect_refused("permessage-deflate; server_max_window_bits=10, permessage-deflate",
                 HandshakeError::kExtensionTwice, "2 times");
}

TEST(DeflateNegotiation, RefusesUnknownAndRepeatedParameters) {
  for (const BytesView name : {"foo", "foo=1", "Server_No_Context_Takeover", "server_max_window_bit=10"}) {
    expect_refused("permessage-deflate; " + Bytes(name), HandshakeError::kExtensionParameter, "unknown");
  }
  for (const BytesView parameter : {"server_no_context_takeover", "client_no_context_takeover",
                                    "server_max_window_bits=10", "client_max_window_bits=10"}) {
    const Bytes once = "; " + Bytes(parameter);
    expect_refused("permessage-deflate" + once + once, HandshakeError::kExtensionParameter, "twice");
  }
}

TEST(DeflateNegotiation, RefusesWrongValues) {
  for (const BytesView value : {"7", "16", "0", "08", "010", "+10", "10.0", "0x0A", "1e1", "a", "-9", "256",
                                "266", "99999999999999999999"}) {
    for (const BytesView name : {"server_max_window_bits=", "client_max_window_bits="}) {
      expect_refused("permessage-deflate; " + Bytes(name) + Bytes(value), HandshakeError::kExtensionParameter,
                     "number from 8 to 15");
    }
  }
  for (const BytesView name : {"server_max_window_bits", "client_max_window_bits"}) {
    expect_refused("permessage-deflate; " + Bytes(name), HandshakeError::kExtensionParameter,
                   "number from 8 to 15");
  }
  for (const BytesView name : {"server_no_context_takeover", "client_no_context_takeover"}) {
    for (const BytesView value : {"=true", "=\"1\"", "=0"}) {
      expect_refused("permessage-deflate; " + Bytes(name) + Bytes(value), HandshakeError::kExtensionParameter,
                     "must have none");
    }
  }
}

TEST(DeflateNegotiation, HoldsTheServerToTheOffer) {
  expect_agreed("permessage-deflate; server_max_window_bits=10", {false, false, 10, 12}, kSmallWindows);
  expect_agreed("permessage-deflate; server_max_window_bits=8; client_max_window_bits=9",
                {false, false, 8, 9}, kSmallWindows);
  expect_refused("permessage-deflate; server_max_window_bits=11", HandshakeError::kExtensionParameter,
                 "larger than was offered", kSmallWindows);
  expect_refused("permessage-deflate; server_max_window_bits=10; client_max_window_bits=13",
                 HandshakeError::kExtensionParameter, "larger than was offered", kSmallWindows);
  expect_refused("permessage-deflate; client_max_window_bits=9", HandshakeError::kExtensionParameter,
                 "missing and was asked for", kSmallWindows);
  expect_refused("permessage-deflate; client_max_window_bits=9", HandshakeError::kExtensionParameter,
                 "not offered", kNoClientBits);
  expect_agreed("permessage-deflate; server_no_context_takeover", {true, true, 15, 15}, kForgetful);
  expect_agreed("permessage-deflate; server_no_context_takeover; client_no_context_takeover",
                {true, true, 15, 15}, kForgetful);
  expect_refused("permessage-deflate; client_no_context_takeover", HandshakeError::kExtensionParameter,
                 "missing and was asked for", kForgetful);
}

// A header of the greatest length that the adapter reads: nothing in it may cost more than its length.
TEST(DeflateNegotiation, RefusesThousandsOfParametersAndExtensions) {
  Bytes parameters = "permessage-deflate";
  for (int i = 0; i < 10'000; ++i) parameters += ";server_no_context_takeover";
  expect_refused(parameters, HandshakeError::kExtensionParameter, "twice");
  Bytes extensions;
  for (int i = 0; i < 10'000; ++i) extensions += "permessage-deflate,";
  expect_refused(extensions, HandshakeError::kExtensionTwice, "10000 times");
}

}  // namespace
}  // namespace icws::ws
