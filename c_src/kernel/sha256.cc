#include "c_src/kernel/sha256.h"

// The low-level functions of OpenSSL 1.1: unlike EVP they use no state of the whole process, so a
// thread may hash while another one is in exit().
#define OPENSSL_API_COMPAT 0x10100000L
#include <openssl/sha.h>

#include "absl/strings/escaping.h"

namespace amdgpu {

struct Sha256::Context {
  SHA256_CTX state;
};

Sha256::Sha256() : context_(std::make_unique<Context>()) { SHA256_Init(&context_->state); }

Sha256::~Sha256() = default;

void Sha256::Update(absl::string_view bytes) {
  SHA256_Update(&context_->state, bytes.data(), bytes.size());
}

Sha256Digest Sha256::Finish() {
  Sha256Digest digest;
  SHA256_Final(digest.data(), &context_->state);
  return digest;
}

std::string ToHex(const Sha256Digest& digest) {
  return absl::BytesToHexString(
      absl::string_view(reinterpret_cast<const char*>(digest.data()), digest.size()));
}

}  // namespace amdgpu
