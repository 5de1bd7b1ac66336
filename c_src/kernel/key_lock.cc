#include "c_src/kernel/key_lock.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdint>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "c_src/base/error.h"

namespace amdgpu {
namespace {

constexpr char kFileName[] = ".locks";

// A lock of the open file, not of the process: services of one process exclude each other, too, and
// closing another descriptor of the file gives nothing up.
bool SetLock(int fd, short type, off_t byte) {
  struct flock lock = {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  lock.l_start = byte;
  lock.l_len = 1;
  return fcntl(fd, F_OFD_SETLK, &lock) == 0;
}

// Somebody has removed the file: who opens it now gets another.
bool IsRemoved(int fd) {
  struct stat status;
  return fstat(fd, &status) != 0 || status.st_nlink == 0;
}

// 60 bits of the key: as good as all of them.
absl::StatusOr<off_t> ByteOf(absl::string_view key) {
  std::uint64_t byte = 0;
  if (!absl::SimpleHexAtoi(key.substr(0, 15), &byte)) {
    return absl::InvalidArgumentError("not a key");
  }
  return static_cast<off_t>(byte);
}

}  // namespace

KeyLock::~KeyLock() { SetLock(file_->get(), F_UNLCK, byte_); }

absl::StatusOr<KeyLockRef> KeyLocks::TryLock(int directory, absl::string_view key) {
  const absl::StatusOr<off_t> byte = ByteOf(key);
  if (!byte.ok()) return byte.status();
  if (file_ == nullptr || IsRemoved(file_->get())) {
    UniqueFd file(
        openat(directory, kFileName, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600));
    if (!file.valid()) return ErrnoError(errno, "opening the locks of the cache");
    file_ = std::make_shared<const UniqueFd>(std::move(file));
  }
  if (!SetLock(file_->get(), F_WRLCK, *byte)) {
    if (errno == EAGAIN || errno == EACCES) return absl::UnavailableError("being compiled");
    return absl::FailedPreconditionError("no locks on this file system");
  }
  return std::make_shared<const KeyLock>(file_, *byte);
}

}  // namespace amdgpu
