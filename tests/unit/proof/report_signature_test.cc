#include "proof/report_signature.h"

#include <gtest/gtest.h>

#include "tests/unit/proof/proof_fixture.h"

namespace icws::proof {
namespace {

// CometBFT 0.38's own vectors (types/vote_test.go).
TEST(ReportSignature, GivesCometBftsVectors) {
  EXPECT_EQ(to_hex(vote_extension_sign_bytes("test_chain_id", Height(1), 0, "extension")),
            "230a09657874656e73696f6e110100000000000000220d746573745f636861696e5f6964");
  EXPECT_EQ(to_hex(vote_extension_sign_bytes("test_chain_id", Height(1), 1, "extension")),
            "2c0a09657874656e73696f6e110100000000000000190100000000000000220d746573745f636861696e5f6964");
}

TEST(ReportSignature, OfCometBftLeavesOutWhatIsEmpty) {
  EXPECT_EQ(to_hex(vote_extension_sign_bytes("", Height(0), 0, "")), "00");
}

TEST(ReportSignature, BindsChainHeightReportAndKey) {
  const SigningKey key = test_key(1);
  const Bytes signature = key.sign(local_sign_bytes("chain", Height(5), "report"));
  const auto good = [&](const Bytes& public_key, const char* chain, uint64_t height, const char* report) {
    return verify_report(SignatureScheme::Local, public_key, chain, Height(height), report, signature);
  };
  EXPECT_TRUE(good(key.public_key(), "chain", 5, "report"));
  EXPECT_FALSE(good(test_key(2).public_key(), "chain", 5, "report"));
  EXPECT_FALSE(good(key.public_key(), "chai", 5, "report"));
  EXPECT_FALSE(good(key.public_key(), "chain", 6, "report"));
  EXPECT_FALSE(good(key.public_key(), "chain", 5, "reporT"));
  EXPECT_FALSE(good("short", "chain", 5, "report"));
}

TEST(ReportSignature, OfCometBftCarriesItsRound) {
  const SigningKey key = test_key(1);
  const auto signature = [&](uint32_t signed_round, uint32_t said_round) {
    ArchiveWriter writer;
    writer(said_round, key.sign(vote_extension_sign_bytes("chain", Height(5), signed_round, "report")));
    return writer.take();
  };
  const auto good = [&](const Bytes& bytes) {
    return verify_report(SignatureScheme::CometBft, key.public_key(), "chain", Height(5), "report", bytes);
  };
  EXPECT_TRUE(good(signature(0, 0)));
  EXPECT_TRUE(good(signature(3, 3)));
  EXPECT_FALSE(good(signature(3, 2)));
  EXPECT_FALSE(good(signature(0x80000000, 0x80000000)));
  EXPECT_FALSE(good(key.sign(vote_extension_sign_bytes("chain", Height(5), 0, "report"))));
}

TEST(LocalSignBytes, NoTwoFieldsRunIntoEachOther) {
  EXPECT_NE(local_sign_bytes("a", Height(0), "b"), local_sign_bytes("ab", Height(0), ""));
}

}  // namespace
}  // namespace icws::proof
