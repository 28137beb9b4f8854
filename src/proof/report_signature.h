// What a replica signs when it makes a report, in each engine's own form: so that a report can be checked
// without the engine.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/bytes.h"
#include "base/ids.h"

namespace icws::proof {

// The numbers are in certificates.
enum class SignatureScheme : uint8_t {
  // Ed25519 over "icws.local.report.v1", length and chain id, height, report; the signature is its 64 bytes.
  Local = 1,
  // Ed25519 over CometBFT's CanonicalVoteExtension; the signature is archive(round:int ed25519:bytes).
  CometBft = 2,
};

// "icws.local.report.v1", the chain id with its length (8 bytes, little endian), the height (8 bytes, little
// endian), the report. No two (chain, height, report) give the same bytes.
Bytes local_sign_bytes(std::string_view chain_id, Height height, BytesView report);

// The length as a varint, then the protobuf message {bytes extension = 1; sfixed64 height = 2; sfixed64 round
// = 3; string chain_id = 4}, fields that are zero or empty left out (CometBFT 0.38, types/canonical.go).
Bytes vote_extension_sign_bytes(std::string_view chain_id, Height height, uint32_t round, BytesView report);

// Pure; thread-safe. False also for a signature or a key of another form.
bool verify_report(SignatureScheme scheme, BytesView public_key, std::string_view chain_id, Height height,
                   BytesView report, BytesView signature);

}  // namespace icws::proof
