#include "proof/certificate.h"

#include "base/archive.h"

namespace icws::proof {
namespace {

constexpr BytesView kTag = "icws certificate 1\n";

// Calls part(name, fields...) for each part, in the order of the encoding.
template <class Self, class Part>
void for_each_part(Self& self, const Part& part) {
  part("the signature scheme", self.scheme);
  part("the chain id", self.chain_id);
  part("the connection", self.connection);
  part("the first sequence", self.from);
  part("the head before the first entry", self.previous);
  part("the list of entries", self.entries);
  part("the list of links", self.links);
  part("the head", self.head);
  part("the Merkle proof", self.proof);
  part("the height", self.height);
  part("the list of reports", self.reports);
  part("the list of replica set changes", self.changes);
  part("the list of replica sets", self.sets);
  part("the Merkle proof of the replica sets", self.sets_proof);
}

}  // namespace

Bytes encode_certificate(const Certificate& certificate) {
  ArchiveWriter writer;
  for_each_part(certificate, [&](const char*, const auto& field) { writer(field); });
  return Bytes(kTag) + writer.bytes();
}

std::expected<Certificate, DecodeFault> decode_certificate(BytesView bytes) {
  const auto fault = [](std::string message) { return std::unexpected(DecodeFault{std::move(message)}); };
  if (bytes.size() > kCertificateBytesMax)
    return fault("it has more than " + std::to_string(kCertificateBytesMax) + " bytes");
  if (!bytes.starts_with(kTag)) return fault("it does not begin with \"icws certificate 1\"");
  Certificate out;
  ArchiveReader reader(bytes.substr(kTag.size()));
  const char* broken = nullptr;
  for_each_part(out, [&](const char* name, auto& field) {
    if (broken != nullptr) return;
    reader(field);
    if (!reader.ok()) broken = name;
  });
  if (broken != nullptr) return fault(std::string(broken) + " is cut short or not in canonical encoding");
  if (!reader.finished()) return fault("there are bytes behind its end");
  if (out.scheme != SignatureScheme::Local && out.scheme != SignatureScheme::CometBft)
    return fault("the signature scheme " + std::to_string(static_cast<unsigned>(out.scheme)) +
                 " is not known");
  return out;
}

}  // namespace icws::proof
