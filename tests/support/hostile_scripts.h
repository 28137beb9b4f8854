// What each Hostility does, as scripts over a RawConnection. Private to the hostile server.
#pragma once

#include "tests/support/hostile_server.h"

namespace icws::support {

// The script of one misbehaviour. Pure apart from what the script does to its connection.
Script hostile_script(Hostility hostility);

// Sec-WebSocket-Accept for the request's key (RFC 6455, 4.2.2).
Bytes accept_key_for(BytesView request);

// The 101 that the request asks for; each of `further_headers` ends with its CRLF.
Bytes upgrade_answer(BytesView request, BytesView further_headers = {});

}  // namespace icws::support
