#include "ws/decoder.h"

namespace icws::ws {

CloseCode close_code_for(DecodeError error) {
  switch (error) {
    case DecodeError::kInvalidUtf8:
    case DecodeError::kCorruptCompression:
      return kCloseInvalidPayload;
    case DecodeError::kMessageTooBig:
    case DecodeError::kCompressedTooBig:
    case DecodeError::kInflatesTooMuch:
      return kCloseMessageTooBig;
    // Resources, not syntax: the frames are legal, there are only too many of them.
    case DecodeError::kTooManyFragments:
    case DecodeError::kTooManyEmptyFragments:
      return kClosePolicyViolation;
    default:
      return kCloseProtocolError;
  }
}

std::string_view describe(DecodeError error) {
  switch (error) {
    case DecodeError::kReservedBits:
      return "the server set a reserved bit, but no extension that uses it was negotiated";
    case DecodeError::kCompressionBit:
      return "the server set the compression bit on a control frame or inside a message";
    case DecodeError::kReservedOpcode:
      return "the server sent a frame with a reserved opcode";
    case DecodeError::kFragmentedControl:
      return "the server fragmented a control frame";
    case DecodeError::kControlTooLong:
      return "the server sent a control frame of more than 125 bytes";
    case DecodeError::kMaskedFrame:
      return "the server masked a frame, which only clients do";
    case DecodeError::kLengthNotMinimal:
      return "the server wrote a frame length in a longer form than it needs";
    case DecodeError::kLengthTopBit:
      return "the server sent a frame length with the top bit set";
    case DecodeError::kMessageTooBig:
      return "the server sent a message over the size limit";
    case DecodeError::kCompressedTooBig:
      return "the server sent a message whose compressed form is over the size limit";
    case DecodeError::kInflatesTooMuch:
      return "the server sent messages that inflate to more than the allowed ratio";
    case DecodeError::kCorruptCompression:
      return "the server sent compressed data that is not whole and valid DEFLATE";
    case DecodeError::kTooManyFragments:
      return "the server split a message into too many fragments";
    case DecodeError::kTooManyEmptyFragments:
      return "the server sent too many empty fragments in one message";
    case DecodeError::kUnexpectedContinuation:
      return "the server continued a message that it had not begun";
    case DecodeError::kExpectedContinuation:
      return "the server began a message before the previous one was finished";
    case DecodeError::kInvalidUtf8:
      return "the server sent text that is not valid UTF-8";
    case DecodeError::kClosePayloadOneByte:
      return "the server sent a close frame with half a close code";
    case DecodeError::kBadCloseCode:
      return "the server sent a close code that must not be sent";
    case DecodeError::kDataAfterClose:
      return "the server sent data after its close frame";
  }
  return "unknown error";
}

}  // namespace icws::ws
