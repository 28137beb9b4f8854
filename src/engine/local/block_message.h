// Blocks as icws.engine.v1 messages, and back.
#pragma once

#include <optional>

#include "engine/local/block_log.h"
#include "replica/application.h"

namespace icws::engine::v1 {
class Block;
class Rejection;
class SignedReport;
}  // namespace icws::engine::v1

namespace icws::engine {

void to_message(const replica::Block& block, v1::Block& out);
replica::Block from_message(const v1::Block& message);
void to_message(const replica::SignedReport& report, v1::SignedReport& out);
replica::SignedReport from_message(const v1::SignedReport& message);
void to_message(const replica::Rejection& rejection, v1::Rejection& out);
// An unknown kind reads as Malformed: a peer may be newer than we are.
replica::Rejection from_message(const v1::Rejection& message);

Bytes encode_logged_block(const LoggedBlock& block);
// Empty if it does not decode.
std::optional<LoggedBlock> decode_logged_block(BytesView bytes);

}  // namespace icws::engine
