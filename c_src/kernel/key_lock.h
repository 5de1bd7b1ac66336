// Who compiles what, among the processes that share a cache directory: one empty file, in which the
// holder of a key has locked a byte.
//
// The kernel gives the locks of a process that ends to whoever asks next, and no file is left
// behind for each key.

#ifndef AMDGPU_C_SRC_KERNEL_KEY_LOCK_H_
#define AMDGPU_C_SRC_KERNEL_KEY_LOCK_H_

#include <sys/types.h>

#include <memory>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "c_src/base/unique_fd.h"

namespace amdgpu {

// Held while it lives.
class KeyLock {
 public:
  KeyLock(std::shared_ptr<const UniqueFd> file, off_t byte) : file_(std::move(file)), byte_(byte) {}
  ~KeyLock();
  KeyLock(const KeyLock&) = delete;
  KeyLock& operator=(const KeyLock&) = delete;

 private:
  const std::shared_ptr<const UniqueFd> file_;
  const off_t byte_;
};
using KeyLockRef = std::shared_ptr<const KeyLock>;

// Locks are between KeyLocks, of one process or of several; one KeyLocks must not ask for a key
// that it holds. Not thread-safe, but its locks may end on any thread.
class KeyLocks {
 public:
  // The lock of `key` (64 hexadecimal digits) in `directory`; never waits. kUnavailable: somebody
  // has it. Other errors: there are no locks to be had, on this file system or on this disk.
  absl::StatusOr<KeyLockRef> TryLock(int directory, absl::string_view key);

 private:
  std::shared_ptr<const UniqueFd> file_;  // once it has been needed
};

}  // namespace amdgpu

#endif  // AMDGPU_C_SRC_KERNEL_KEY_LOCK_H_
