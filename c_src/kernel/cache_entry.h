// The file format of one entry of the disk cache.
//
//   magic | version | header bytes | key | compiler | payload bytes | SHA-256 | payload
//
// The digest covers every byte but its own. The payload is a serialized proto::CompileReply.

#ifndef AMDGPU_C_SRC_KERNEL_CACHE_ENTRY_H_
#define AMDGPU_C_SRC_KERNEL_CACHE_ENTRY_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "proto/compile.pb.h"

namespace amdgpu {

struct CacheEntry {
  std::string key;       // the content hash: 64 hexadecimal digits
  std::string compiler;  // version of the compiler that made it: "clang 19.1.7"
  proto::CompileReply reply;
};

// Largest entry that is written or read.
inline constexpr std::uint64_t kMaxEntryBytes = std::uint64_t{256} << 20;

std::string EncodeCacheEntry(const CacheEntry& entry);

// kDataLoss: not a whole, unchanged entry. kFailedPrecondition: whole, but of another format,
// build or key, so not ours to use.
absl::StatusOr<CacheEntry> DecodeCacheEntry(absl::string_view bytes, absl::string_view key);

}  // namespace amdgpu

#endif  // AMDGPU_C_SRC_KERNEL_CACHE_ENTRY_H_
