// What each Hostility does, as scripts over a RawConnection; what they are made of.
#pragma once

#include "tests/support/hostile_server.h"

namespace icws::support {

// The script of one misbehaviour. Pure apart from what the script does to its connection.
Script hostile_script(Hostility hostility);

// Sends `head` (behind a good handshake or instead of it), then `part` again and again until the client has
// had enough, with `pause` before each.
enum class Begin { kBare, kUpgraded };
Script for_ever(Begin begin, Bytes head, Bytes part, std::chrono::milliseconds pause = {});

Bytes repeated(BytesView part, size_t count);

// Sec-WebSocket-Accept for the request's key (RFC 6455, 4.2.2).
Bytes accept_key_for(BytesView request);

// The 101 that the request asks for; each of `further_headers` ends with its CRLF.
Bytes upgrade_answer(BytesView request, BytesView further_headers = {});

}  // namespace icws::support
