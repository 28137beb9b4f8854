// How an epoch opens and ends. Design section 4, "Opening and ending".
#pragma once

#include <expected>
#include <optional>

#include "agreement/connection.h"

namespace icws::agreement {

// Neither opening nor live.
bool down(MemberStatus status);

// Brings ConnectionState::down_since up to date.
void note_down_members(ConnectionState& state, const View& view, AgreedTime now);

// Feed: the digest of what the server negotiated that more than f members report (the most reported; of
// several the smallest), once a quorum has opened. Empty: no quorum yet, or no such digest.
std::optional<Digest> wanted_opened(const ConnectionState& state, const View& view);

// Feed: what `opened` delivers if the connection opens in this block; empty if it does not. Where members
// agree that they are open but on nothing of what the server negotiated, it opens with nothing.
std::expected<std::optional<transcript::Opened>, DecisionFault> feed_opened(
    const ConnectionState& state, const View& view, const std::optional<Bytes>& encoded);

// The end of an epoch whose members failed or lost it for long enough, or that did not open in time.
// None while fewer than a quorum have sections in force. Call only where nothing more is decidable: data
// comes first.
std::optional<End> lifecycle_end(const ConnectionState& state, const View& view, AgreedTime now,
                                 const AgreementParams& params);

// The end of an ordered epoch in which no head can get a quorum any more.
End ordered_end(OrderedVerdict verdict, const Claims& claims, const ConnectionState& state, const View& view);

}  // namespace icws::agreement
