#include "ws/decoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/ws/frames.h"
#include "tests/unit/ws/recorder.h"

namespace icws::ws {
namespace {

using namespace std::string_literals;
using testing::binary;
using testing::close;
using testing::decode;
using ::testing::ElementsAre;
using testing::frame;
using testing::kFin;
using testing::Outcome;
using testing::ping;
using testing::pong;
using testing::Record;
using testing::text;

constexpr CloseCode kNoCode = 0;

Record is_text(BytesView payload) { return {EventKind::kText, kNoCode, Bytes(payload)}; }
Record is_binary(BytesView payload) { return {EventKind::kBinary, kNoCode, Bytes(payload)}; }

// Whole, and byte by byte: the error must be the same, and no event may differ.
void expect_refused(BytesView stream, DecodeError error, size_t events_before = 0,
                    DecoderLimits limits = {}) {
  const Outcome whole = decode(stream, limits);
  EXPECT_EQ(whole.error, error) << to_hex(stream.substr(0, 40));
  EXPECT_EQ(whole.events.size(), events_before) << to_hex(stream.substr(0, 40));
  EXPECT_EQ(decode(stream, limits, 1), whole) << to_hex(stream.substr(0, 40));
}

void expect_events(BytesView stream, const std::vector<Record>& events, DecoderLimits limits = {}) {
  const Outcome whole = decode(stream, limits);
  EXPECT_FALSE(whole.error) << describe(*whole.error);
  EXPECT_EQ(whole.events, events);
  EXPECT_EQ(decode(stream, limits, 1), whole);
}

TEST(Decoder, ReadsTheExamplesOfRfc6455Section57) {
  expect_events("\x81\x05Hello", {is_text("Hello")});
  expect_events("\x01\x03Hel\x80\x02lo", {is_text("Hello")});
  expect_events("\x89\x05Hello", {{EventKind::kPing, 0, "Hello"}});
  const Bytes b256(256, '\x07');
  expect_events("\x82\x7E\x01\x00"s + b256, {is_binary(b256)});
  const Bytes b65536(65'536, '\x09');
  expect_events("\x82\x7F\x00\x00\x00\x00\x00\x01\x00\x00"s + b65536, {is_binary(b65536)});
  // The masked ones are a client's.
  expect_refused("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", DecodeError::kMaskedFrame);
}

TEST(Decoder, HasNothingToSayAboutNothing) {
  Decoder decoder;
  BytesView input;
  EXPECT_EQ(decoder.next(input)->kind, EventKind::kNeedMore);
  EXPECT_FALSE(decoder.unfinished());
}

TEST(Decoder, DeliversEveryLengthFormAtItsEdges) {
  for (const size_t size : {0, 1, 124, 125, 126, 127, 65'535, 65'536, 65'537}) {
    const Bytes payload(size, 'x');
    expect_events(text(payload) + binary(payload), {is_text(payload), is_binary(payload)});
  }
}

TEST(Decoder, DoesNotCopyAMessageThatLiesWholeInTheInput) {
  for (const size_t size : {5, 64, 300, 70'000}) {
    const Bytes stream = text("before") + binary(Bytes(size, 'x')) + text("after");
    Decoder decoder;
    BytesView input = stream;
    ASSERT_TRUE(decoder.next(input));
    const auto event = decoder.next(input);
    ASSERT_TRUE(event);
    EXPECT_EQ(event->payload.size(), size);
    EXPECT_GE(event->payload.data(), stream.data());
    EXPECT_LE(event->payload.data() + size, stream.data() + stream.size());
  }
}

TEST(Decoder, LeavesTheRestOfTheInputToTheCaller) {
  const Bytes stream = text("one") + ping("p") + text("two");
  Decoder decoder;
  BytesView input = stream;
  EXPECT_EQ(decoder.next(input)->payload, "one");
  EXPECT_EQ(input, ping("p") + text("two"));
  EXPECT_EQ(decoder.next(input)->kind, EventKind::kPing);
  EXPECT_EQ(input, text("two"));
  EXPECT_EQ(decoder.next(input)->payload, "two");
  EXPECT_TRUE(input.empty());
}

TEST(Decoder, DeliversControlFramesBetweenFragments) {
  expect_events(frame(1, "Hel") + ping("p") + frame(0, "") + pong("") + frame(kFin, "lo"),
                {{EventKind::kPing, 0, "p"}, {EventKind::kPong, 0, ""}, is_text("Hello")});
}

TEST(Decoder, CarriesCodePointsAcrossFragments) {
  expect_events(frame(1, "\xE2") + frame(0, "\x82") + frame(kFin, "\xAC") + text("\xC3\xA9"),
                {is_text("\xE2\x82\xAC"), is_text("\xC3\xA9")});
}

TEST(Decoder, KnowsWhetherTheStreamMayEnd) {
  Decoder decoder;
  const auto feed = [&](BytesView chunk) {
    Outcome outcome;
    testing::feed(decoder, chunk, outcome);
    return decoder.unfinished();
  };
  EXPECT_TRUE(feed("\x01"));
  EXPECT_TRUE(feed("\x03He"));
  EXPECT_TRUE(feed("l"));
  EXPECT_TRUE(feed("\x80"));
  EXPECT_TRUE(feed("\x02l"));
  EXPECT_FALSE(feed("o"));
}

TEST(Decoder, RefusesReservedBits) {
  for (const uint8_t bit : {0x10, 0x20, 0x40, 0x70}) {
    expect_refused(frame(kFin | bit | 1, "x"), DecodeError::kReservedBits);
    expect_refused(frame(kFin | bit | 9, "x"), DecodeError::kReservedBits);
    expect_refused(frame(1, "x") + frame(kFin | bit, "x"), DecodeError::kReservedBits);
  }
}

TEST(Decoder, RefusesReservedOpcodes) {
  for (const uint8_t opcode : {3, 4, 5, 6, 7, 11, 12, 13, 14, 15}) {
    expect_refused(text("fine") + frame(kFin | opcode, "x"), DecodeError::kReservedOpcode, 1);
  }
}

TEST(Decoder, RefusesFragmentedAndLongControlFrames) {
  for (const uint8_t opcode : {8, 9, 10}) {
    expect_refused(frame(opcode, ""), DecodeError::kFragmentedControl);
    expect_refused(frame(kFin | opcode, Bytes(126, 'x')), DecodeError::kControlTooLong);
    expect_refused(frame(kFin | opcode, Bytes(65'536, 'x')), DecodeError::kControlTooLong);
  }
  expect_events(ping(Bytes(125, 'x')), {{EventKind::kPing, 0, Bytes(125, 'x')}});
}

TEST(Decoder, RefusesAMaskedFrameOfAnyKind) {
  expect_refused("\x82\x80\x01\x02\x03\x04"s, DecodeError::kMaskedFrame);
  expect_refused("\x89\x81\x01\x02\x03\x04x"s, DecodeError::kMaskedFrame);
  expect_refused("\x82\xFE\x00\x80"s, DecodeError::kMaskedFrame);
}

TEST(Decoder, RefusesLengthsThatAreNotMinimal) {
  expect_refused("\x82\x7E\x00\x00"s, DecodeError::kLengthNotMinimal);
  expect_refused("\x82\x7E\x00\x7D"s, DecodeError::kLengthNotMinimal);
  expect_refused("\x82\x7F\x00\x00\x00\x00\x00\x00\x00\x01"s, DecodeError::kLengthNotMinimal);
  expect_refused("\x82\x7F\x00\x00\x00\x00\x00\x00\xFF\xFF"s, DecodeError::kLengthNotMinimal);
}

TEST(Decoder, RefusesALengthWithTheTopBit) {
  expect_refused("\x82\x7F\x80\x00\x00\x00\x00\x00\x00\x01"s, DecodeError::kLengthTopBit);
  expect_refused("\x82\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"s, DecodeError::kLengthTopBit);
}

TEST(Decoder, RefusesAMessageOverTheLimitFromItsHeader) {
  const DecoderLimits limits{.message_bytes_max = 1'000};
  const Bytes most(1'000, 'x');
  expect_events(binary(most), {is_binary(most)}, limits);
  expect_refused(BytesView(binary(most + "x")).substr(0, 4), DecodeError::kMessageTooBig, 0, limits);
  expect_refused("\x82\x7F\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF"s, DecodeError::kMessageTooBig, 0, limits);
  expect_refused("\x82\x64", DecodeError::kMessageTooBig, 0, {.message_bytes_max = 99});
  expect_events(binary(""), {is_binary("")}, {.message_bytes_max = 0});
}

TEST(Decoder, CountsAllFragmentsAgainstTheLimitOfAMessage) {
  const DecoderLimits limits{.message_bytes_max = 1'000};
  const Bytes start = frame(2, Bytes(600, 'x'));
  expect_events(start + frame(kFin, Bytes(400, 'x')) + binary("next"),
                {is_binary(Bytes(1'000, 'x')), is_binary("next")}, limits);
  expect_refused(start + frame(kFin, Bytes(401, 'x')).substr(0, 4), DecodeError::kMessageTooBig, 0, limits);
}

TEST(Decoder, RefusesTooManyFragments) {
  const DecoderLimits limits{.fragments_max = 4};
  const Bytes start = frame(2, "a") + frame(0, "b") + frame(0, "c");
  const Bytes four = start + frame(kFin, "d");
  expect_events(four + four, {is_binary("abcd"), is_binary("abcd")}, limits);
  expect_refused(start + frame(0, "d") + frame(kFin, "e"), DecodeError::kTooManyFragments, 0, limits);
}

TEST(Decoder, RefusesTooManyEmptyFragments) {
  const DecoderLimits limits{.empty_fragments_max = 3};
  const Bytes start = frame(1, "") + frame(0, "") + frame(0, "");
  expect_events(start + frame(kFin, "") + start + frame(0, "x") + frame(kFin, ""),
                {is_text(""), is_text("x")}, limits);
  expect_refused(start + frame(0, ""), DecodeError::kTooManyEmptyFragments, 0, limits);
}

TEST(Decoder, RefusesContinuationsOutOfPlace) {
  expect_refused(frame(kFin, "x"), DecodeError::kUnexpectedContinuation);
  expect_refused(frame(0, "x"), DecodeError::kUnexpectedContinuation);
  expect_refused(frame(1, "a") + frame(kFin, "b") + frame(kFin, "c"), DecodeError::kUnexpectedContinuation,
                 1);
  expect_refused(frame(1, "a") + text("b"), DecodeError::kExpectedContinuation);
  expect_refused(frame(2, "a") + frame(2, "b"), DecodeError::kExpectedContinuation);
}

TEST(Decoder, RefusesInvalidUtf8AtItsFirstByte) {
  expect_refused(text("fine") + text("\xFF"), DecodeError::kInvalidUtf8, 1);
  expect_refused(text(Bytes(200, 'x') + "\xC0\x80"), DecodeError::kInvalidUtf8);
  expect_refused(text("\xE2\x82"), DecodeError::kInvalidUtf8);
  expect_refused(frame(1, "\xE2\x82") + frame(kFin, ""), DecodeError::kInvalidUtf8);
  expect_refused(frame(1, "\xE2") + frame(0, "x"), DecodeError::kInvalidUtf8);
  // Announced are 1,000 bytes; the third one can be in no text.
  expect_refused("\x81\x7E\x03\xE8\xF4\x90"s, DecodeError::kInvalidUtf8);
  expect_refused("\x01\x7E\x03\xE8ok\xED\xA0"s, DecodeError::kInvalidUtf8);
  expect_events(binary("\xFF") + frame(2, "\xC0") + frame(kFin, "\xC0"),
                {is_binary("\xFF"), is_binary("\xC0\xC0")});
}

TEST(Decoder, ReadsCloseFrames) {
  expect_events(frame(kFin | 8, ""), {{EventKind::kClose, kCloseNoStatus, ""}});
  expect_events(close(1000), {{EventKind::kClose, 1000, ""}});
  expect_events(close(4999, Bytes(123, 'r')), {{EventKind::kClose, 4999, Bytes(123, 'r')}});
  expect_events(frame(1, "unfinished") + close(1001, "gr\xC3\xBC\xC3\x9F"),
                {{EventKind::kClose, 1001, "gr\xC3\xBC\xC3\x9F"}});
}

TEST(Decoder, TakesExactlyTheLegalCloseCodes) {
  for (uint32_t code = 0; code <= 65'535; ++code) {
    const bool legal =
        (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
    const Outcome outcome = decode(close(static_cast<uint16_t>(code)));
    ASSERT_EQ(!outcome.error, legal) << code;
    if (!legal) {
      ASSERT_EQ(outcome.error, DecodeError::kBadCloseCode) << code;
    }
  }
}

TEST(Decoder, RefusesBrokenCloseFrames) {
  expect_refused(frame(kFin | 8, "\x03"), DecodeError::kClosePayloadOneByte);
  expect_refused(close(1000, "\xFF"), DecodeError::kInvalidUtf8);
  expect_refused(close(1000, "\xE2\x82"), DecodeError::kInvalidUtf8);
}

TEST(Decoder, RefusesDataAfterClose) {
  expect_refused(close(1000) + text("more"), DecodeError::kDataAfterClose, 1);
  expect_refused(close(1000) + close(1000), DecodeError::kDataAfterClose, 1);
  Decoder decoder;
  Outcome outcome;
  testing::feed(decoder, close(1000), outcome);
  EXPECT_FALSE(decoder.unfinished());
  testing::feed(decoder, "", outcome);
  EXPECT_FALSE(outcome.error);
}

TEST(Decoder, StaysFailed) {
  Decoder decoder;
  for (const BytesView chunk : {BytesView("\xF1"), BytesView("\x81\x01x"), BytesView()}) {
    BytesView input = chunk;
    const auto event = decoder.next(input);
    ASSERT_FALSE(event);
    EXPECT_EQ(event.error(), DecodeError::kReservedBits);
  }
}

TEST(Decoder, CountsWhatComes) {
  Decoder decoder;
  Outcome outcome;
  testing::feed(decoder, text("abc") + ping("") + frame(2, "de") + pong("") + frame(kFin, "f") + close(1000),
                outcome);
  EXPECT_EQ(decoder.counters().messages, 2u);
  EXPECT_EQ(decoder.counters().message_bytes, 6u);
  EXPECT_EQ(decoder.counters().fragments, 2u);
  EXPECT_EQ(decoder.counters().control_frames, 3u);
}

TEST(Decoder, BoundsItsMemory) {
  const uint64_t message_bytes = 1'000'000;
  const Bytes stream = binary(Bytes(message_bytes, 'x'));
  Decoder decoder(DecoderLimits{.message_bytes_max = message_bytes});
  Outcome outcome;
  testing::feed(decoder, BytesView(stream).substr(0, 11), outcome);
  EXPECT_LE(decoder.memory_bytes(), 64u + Decoder::kAheadBytes)
      << "memory must follow what came, not what was announced";
  for (size_t at = 11; at < stream.size(); at += 4'096) {
    testing::feed(decoder, BytesView(stream).substr(at, 4'096), outcome);
    EXPECT_LE(decoder.memory_bytes(), 2 * message_bytes + Decoder::kAheadBytes);
  }
  ASSERT_EQ(outcome.events.size(), 1u);
  testing::feed(decoder, "", outcome);
  EXPECT_LE(decoder.memory_bytes(), Decoder::kRetainedBytesMax);
}

TEST(DecodeError, MapsToACloseCodeAndASentence) {
  for (int i = 0; i <= static_cast<int>(DecodeError::kDataAfterClose); ++i) {
    const auto error = static_cast<DecodeError>(i);
    EXPECT_THAT(std::string(describe(error)), ::testing::StartsWith("the server "));
    EXPECT_TRUE(close_code_on_wire(close_code_for(error)));
  }
  EXPECT_EQ(close_code_for(DecodeError::kReservedBits), 1002);
  EXPECT_EQ(close_code_for(DecodeError::kInvalidUtf8), 1007);
  EXPECT_EQ(close_code_for(DecodeError::kMessageTooBig), 1009);
  EXPECT_EQ(close_code_for(DecodeError::kCorruptCompression), 1007);
  EXPECT_EQ(close_code_for(DecodeError::kInflatesTooMuch), 1009);
  EXPECT_EQ(close_code_for(DecodeError::kTooManyEmptyFragments), 1008);
}

}  // namespace
}  // namespace icws::ws
