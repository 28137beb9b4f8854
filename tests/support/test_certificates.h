// Certificates for tests, made at run time: nothing secret and nothing that expires is in the repository.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

struct evp_pkey_st;
struct x509_st;

namespace icws::support {

// PEM texts; the key is a P-256 one without a passphrase.
struct CertificateAndKey {
  std::string certificate_pem;
  std::string key_pem;
};

enum class Validity {
  kCurrent,      // from yesterday to in a year
  kExpired,      // until yesterday
  kNotYetValid,  // from tomorrow
};

struct LeafOptions {
  std::vector<std::string> dns_names = {"localhost"};
  std::vector<std::string> ip_addresses = {"127.0.0.1"};  // text form
  Validity validity = Validity::kCurrent;
};

// What: a root authority of its own. Thread-safety: const after construction. Errors: std::runtime_error.
class CertificateAuthority {
 public:
  explicit CertificateAuthority(const std::string& common_name = "icws test authority");

  const std::string& pem() const { return pem_; }
  CertificateAndKey issue(const LeafOptions& options) const;
  // For "localhost" and 127.0.0.1.
  CertificateAndKey localhost() const { return issue({}); }

 private:
  std::shared_ptr<evp_pkey_st> key_;
  std::shared_ptr<x509_st> certificate_;
  std::string pem_;
};

// Writes `contents` to `file` and returns its path, for programs that want files. Errors: std::runtime_error.
std::filesystem::path write_file(const std::filesystem::path& file, const std::string& contents);

}  // namespace icws::support
