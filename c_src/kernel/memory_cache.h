// The compiled code of this process, least recently used out first.

#ifndef AMDGPU_C_SRC_KERNEL_MEMORY_CACHE_H_
#define AMDGPU_C_SRC_KERNEL_MEMORY_CACHE_H_

#include <cstdint>
#include <list>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "c_src/base/mutex.h"
#include "c_src/kernel/compile_service.h"

namespace amdgpu {

// Keyed by the request's whole fingerprint: looking up costs one fast hash and one comparison, a
// fraction of what a cryptographic hash of the source would. Thread-safe.
class MemoryCache {
 public:
  explicit MemoryCache(std::uint64_t limit_bytes) : limit_bytes_(limit_bytes) {}

  CodeObjectRef Find(absl::string_view fingerprint);
  // Replaces what is there. Code that is larger than the whole cache is not kept.
  void Insert(std::string fingerprint, CodeObjectRef code);
  void Clear();
  std::uint64_t bytes() const;

 private:
  struct Entry {
    std::string fingerprint;
    CodeObjectRef code;
    std::uint64_t bytes;
  };
  using Entries = std::list<Entry>;

  void Remove(Entries::iterator entry) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::uint64_t limit_bytes_;
  mutable Mutex mutex_;
  Entries entries_ ABSL_GUARDED_BY(mutex_);  // most recently used first
  // Keys point into the entries.
  absl::flat_hash_map<absl::string_view, Entries::iterator> index_ ABSL_GUARDED_BY(mutex_);
  std::uint64_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace amdgpu

#endif  // AMDGPU_C_SRC_KERNEL_MEMORY_CACHE_H_
