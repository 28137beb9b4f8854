#include "tests/support/test_certificates.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <fstream>
#include <functional>
#include <stdexcept>

namespace icws::support {
namespace {

constexpr long kDay = 24 * 60 * 60;  // seconds

template <class T>
T* checked(T* pointer) {
  if (pointer == nullptr) throw std::runtime_error("OpenSSL failed to make a test certificate");
  return pointer;
}

void checked(int result) {
  if (result <= 0) throw std::runtime_error("OpenSSL failed to make a test certificate");
}

std::string to_pem(const std::function<int(BIO*)>& write) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> bio(checked(BIO_new(BIO_s_mem())), &BIO_free);
  checked(write(bio.get()));
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<size_t>(size)};
}

std::string certificate_pem(X509* certificate) {
  return to_pem([&](BIO* bio) { return PEM_write_bio_X509(bio, certificate); });
}

std::string key_pem(EVP_PKEY* key) {
  return to_pem([&](BIO* bio) {
    return PEM_write_bio_PKCS8PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
  });
}

std::shared_ptr<EVP_PKEY> make_key() { return {checked(EVP_EC_gen("P-256")), &EVP_PKEY_free}; }

void set_common_name(X509_NAME* name, const std::string& common_name) {
  const auto* text = reinterpret_cast<const unsigned char*>(common_name.c_str());
  checked(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, text, -1, -1, 0));
}

void add_extension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const std::unique_ptr<X509_EXTENSION, decltype(&X509_EXTENSION_free)> extension(
      checked(X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str())), &X509_EXTENSION_free);
  checked(X509_add_ext(certificate, extension.get(), -1));
}

// A certificate without names and signature; valid in [now + from, now + until), in seconds.
std::shared_ptr<X509> make_certificate(EVP_PKEY* key, long from, long until) {
  std::shared_ptr<X509> certificate(checked(X509_new()), &X509_free);
  checked(X509_set_version(certificate.get(), X509_VERSION_3));
  const std::unique_ptr<BIGNUM, decltype(&BN_free)> serial(checked(BN_new()), &BN_free);
  checked(BN_rand(serial.get(), 120, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY));
  checked(BN_to_ASN1_INTEGER(serial.get(), X509_get_serialNumber(certificate.get())));
  checked(X509_gmtime_adj(X509_getm_notBefore(certificate.get()), from));
  checked(X509_gmtime_adj(X509_getm_notAfter(certificate.get()), until));
  checked(X509_set_pubkey(certificate.get(), key));
  return certificate;
}

std::string alternative_names(const LeafOptions& options) {
  std::string out;
  for (const auto& name : options.dns_names) out += (out.empty() ? "DNS:" : ",DNS:") + name;
  for (const auto& address : options.ip_addresses) out += (out.empty() ? "IP:" : ",IP:") + address;
  return out;
}

}  // namespace

CertificateAuthority::CertificateAuthority(const std::string& common_name) : key_(make_key()) {
  certificate_ = make_certificate(key_.get(), -kDay, 365 * kDay);
  X509* certificate = certificate_.get();
  set_common_name(X509_get_subject_name(certificate), common_name);
  checked(X509_set_issuer_name(certificate, X509_get_subject_name(certificate)));
  add_extension(certificate, certificate, NID_basic_constraints, "critical,CA:TRUE");
  add_extension(certificate, certificate, NID_key_usage, "critical,keyCertSign,cRLSign");
  add_extension(certificate, certificate, NID_subject_key_identifier, "hash");
  checked(X509_sign(certificate, key_.get(), EVP_sha256()));
  pem_ = certificate_pem(certificate);
}

CertificateAndKey CertificateAuthority::issue(const LeafOptions& options) const {
  const auto key = make_key();
  const long from = options.validity == Validity::kExpired       ? -10 * kDay
                    : options.validity == Validity::kNotYetValid ? kDay
                                                                 : -kDay;
  const long until = options.validity == Validity::kExpired ? -kDay : 365 * kDay;
  const auto certificate = make_certificate(key.get(), from, until);
  set_common_name(X509_get_subject_name(certificate.get()),
                  options.dns_names.empty() ? "test server" : options.dns_names.front());
  checked(X509_set_issuer_name(certificate.get(), X509_get_subject_name(certificate_.get())));
  add_extension(certificate.get(), certificate_.get(), NID_basic_constraints, "critical,CA:FALSE");
  add_extension(certificate.get(), certificate_.get(), NID_ext_key_usage, "serverAuth");
  add_extension(certificate.get(), certificate_.get(), NID_authority_key_identifier, "keyid");
  if (const auto names = alternative_names(options); !names.empty()) {
    add_extension(certificate.get(), certificate_.get(), NID_subject_alt_name, names);
  }
  checked(X509_sign(certificate.get(), key_.get(), EVP_sha256()));
  return {certificate_pem(certificate.get()), key_pem(key.get())};
}

std::filesystem::path write_file(const std::filesystem::path& file, const std::string& contents) {
  std::ofstream out(file, std::ios::binary);
  out << contents;
  out.close();
  if (!out) throw std::runtime_error("cannot write " + file.string());
  return file;
}

}  // namespace icws::support
