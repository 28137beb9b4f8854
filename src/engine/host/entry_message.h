// Transcript entries and connection views as icws.replica.v1 messages.
#pragma once

#include "replica/replica.h"
#include "transcript/entry.h"

namespace icws::replica::v1 {
class Canister;
class Connection;
class TranscriptEntry;
}  // namespace icws::replica::v1

namespace icws::engine {

void to_message(const transcript::Entry& entry, replica::v1::TranscriptEntry& out);
void to_message(const replica::ConnectionView& view, replica::v1::Connection& out);
void to_message(const replica::CanisterView& view, replica::v1::Canister& out);

}  // namespace icws::engine
