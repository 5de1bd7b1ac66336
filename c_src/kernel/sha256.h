// SHA-256, by OpenSSL's libcrypto.

#ifndef AMDGPU_C_SRC_KERNEL_SHA256_H_
#define AMDGPU_C_SRC_KERNEL_SHA256_H_

#include <array>
#include <cstddef>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"

namespace amdgpu {

using Sha256Digest = std::array<unsigned char, 32>;

// The digest of what Update() was given. Not thread-safe; Finish() once.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  void Update(absl::string_view bytes);
  Sha256Digest Finish();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

// Of a file: all of the header that stands before its own `digest`, and what follows the header.
template <typename Header>
Sha256Digest FileDigest(const Header& header, absl::string_view payload) {
  Sha256 hash;
  hash.Update(absl::string_view(reinterpret_cast<const char*>(&header), offsetof(Header, digest)));
  hash.Update(payload);
  return hash.Finish();
}

// 64 hexadecimal digits.
std::string ToHex(const Sha256Digest& digest);

}  // namespace amdgpu

#endif  // AMDGPU_C_SRC_KERNEL_SHA256_H_
