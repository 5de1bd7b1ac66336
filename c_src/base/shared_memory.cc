#include "c_src/base/shared_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <fstream>
#include <limits>
#include <string>

#include "absl/strings/str_cat.h"
#include "c_src/base/error.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

namespace amdgpu {

absl::StatusOr<UniqueFd> CreateSharedMemory(const char* name, std::uint64_t bytes, bool may_grow) {
  UniqueFd fd(memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd.valid()) return ErrnoError(errno, "memfd_create");
  if (ftruncate(fd.get(), static_cast<off_t>(bytes)) != 0) {
    return ErrnoError(errno, absl::StrCat("ftruncate to ", bytes, " bytes"));
  }
  const int seals = F_SEAL_SHRINK | (may_grow ? 0 : F_SEAL_GROW);
  if (fcntl(fd.get(), F_ADD_SEALS, seals) != 0) return ErrnoError(errno, "sealing shared memory");
  return fd;
}

std::uint64_t AvailableMemoryBytes() {
  std::ifstream file("/proc/meminfo");
  std::string name;
  std::uint64_t kibibytes;
  std::string rest;
  while (file >> name >> kibibytes && std::getline(file, rest)) {
    if (name == "MemAvailable:") return kibibytes * 1024;
  }
  return std::numeric_limits<std::uint64_t>::max();
}

absl::Status CommitSharedMemory(int fd, std::uint64_t offset, std::uint64_t bytes) {
  const std::uint64_t available = AvailableMemoryBytes();
  if (available < kMemoryReserveBytes || bytes > available - kMemoryReserveBytes) {
    return absl::ResourceExhaustedError(absl::StrCat("committing ", bytes,
                                                     " bytes of shared memory: the machine has ",
                                                     available, " available"));
  }
  int result;
  do {
    result = fallocate(fd, 0, static_cast<off_t>(offset), static_cast<off_t>(bytes));
  } while (result != 0 && errno == EINTR);
  if (result == 0) return absl::OkStatus();
  const int error = errno;
  const std::string doing = absl::StrCat("committing ", bytes, " bytes of shared memory");
  // ENOMEM and ENOSPC mean the same to whoever asked.
  if (error == ENOMEM || error == ENOSPC) {
    return absl::ResourceExhaustedError(absl::StrCat(doing, ": out of memory"));
  }
  return ErrnoError(error, doing);
}

absl::Status DecommitSharedMemory(int fd, std::uint64_t offset, std::uint64_t bytes) {
  if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset),
                static_cast<off_t>(bytes)) != 0) {
    return ErrnoError(errno, absl::StrCat("giving back ", bytes, " bytes of shared memory"));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::uint64_t> FileBytes(int fd) {
  struct stat info;
  if (fstat(fd, &info) != 0) return ErrnoError(errno, "fstat");
  return static_cast<std::uint64_t>(info.st_size);
}

absl::StatusOr<Mapping> Mapping::Map(int fd, std::uint64_t offset, std::uint64_t bytes) {
  void* data =
      mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, static_cast<off_t>(offset));
  if (data == MAP_FAILED) return ErrnoError(errno, absl::StrCat("mmap of ", bytes, " bytes"));
  return Mapping(static_cast<std::byte*>(data), bytes);
}

Mapping& Mapping::operator=(Mapping&& other) noexcept {
  if (this != &other) {
    Unmap();
    data_ = std::exchange(other.data_, nullptr);
    bytes_ = std::exchange(other.bytes_, 0);
  }
  return *this;
}

void Mapping::Populate() const { madvise(data_, bytes_, MADV_POPULATE_WRITE); }

void Mapping::PreferHugePages() const { madvise(data_, bytes_, MADV_HUGEPAGE); }

void Mapping::Unmap() {
  if (data_ != nullptr) munmap(data_, bytes_);
}

}  // namespace amdgpu
