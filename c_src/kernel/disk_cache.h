// Compiled code on disk, shared by every process of a user: one file per entry, named by its key.
//
// A file is written under another name and renamed, so a reader sees all of it or nothing. What is
// read is verified; what fails is removed and compiled again. Its modification time says when an
// entry was last used; the oldest go when the directory is too large.

#ifndef AMDGPU_C_SRC_KERNEL_DISK_CACHE_H_
#define AMDGPU_C_SRC_KERNEL_DISK_CACHE_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "c_src/base/mutex.h"
#include "c_src/base/unique_fd.h"
#include "c_src/kernel/cache_entry.h"
#include "c_src/kernel/key_lock.h"

namespace amdgpu {

// Nothing that goes wrong on disk is an error for the caller: it is a miss, or an entry not kept,
// and counted. Thread-safe; every call may block on the disk.
class DiskCache {
 public:
  // Errors are those of OpenCacheDirectory.
  static absl::StatusOr<std::unique_ptr<DiskCache>> Open(const std::string& path,
                                                         std::uint64_t limit_bytes);

  // `compiler`: the version in use, if known; an entry made by another is not used.
  std::optional<CacheEntry> Load(absl::string_view key, absl::string_view compiler);
  void Store(const CacheEntry& entry);
  // The right to make the entry of `key`, among all who share the directory; errors as
  // KeyLocks::TryLock. Whoever gets it looks once more first: the last holder may have stored it.
  absl::StatusOr<KeyLockRef> TryLock(absl::string_view key);
  // Removes every entry.
  void Clear();

  std::uint64_t errors() const { return errors_.load(std::memory_order_relaxed); }
  // Bytes in all entries, as of the last look plus what was written here since.
  std::uint64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }

 private:
  DiskCache(std::string path, UniqueFd directory, std::uint64_t limit_bytes);

  absl::Status Write(const std::string& name, absl::string_view bytes)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Removes the least recently used entries until at most `target_bytes` are left.
  void Shrink(std::uint64_t target_bytes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void CountError() { errors_.fetch_add(1, std::memory_order_relaxed); }

  const std::string path_;
  const std::uint64_t limit_bytes_;
  Mutex mutex_;
  UniqueFd directory_ ABSL_GUARDED_BY(mutex_);
  KeyLocks locks_ ABSL_GUARDED_BY(mutex_);
  std::uint64_t written_since_look_ ABSL_GUARDED_BY(mutex_) = 0;
  bool looked_ ABSL_GUARDED_BY(mutex_) = false;
  std::uint64_t temporary_count_ ABSL_GUARDED_BY(mutex_) = 0;
  std::atomic<std::uint64_t> errors_{0};
  std::atomic<std::uint64_t> bytes_{0};
};

}  // namespace amdgpu

#endif  // AMDGPU_C_SRC_KERNEL_DISK_CACHE_H_
