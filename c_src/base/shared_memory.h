// Memory that several processes map: anonymous files and mappings of them.

#ifndef AMDGPU_C_SRC_BASE_SHARED_MEMORY_H_
#define AMDGPU_C_SRC_BASE_SHARED_MEMORY_H_

#include <cstddef>
#include <cstdint>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "c_src/base/unique_fd.h"

namespace amdgpu {

// An anonymous file of `bytes`, all zero, close-on-exec, that can never shrink (nobody who maps it
// can be made to fault by another) and, unless `may_grow`, never grow. No memory is committed.
absl::StatusOr<UniqueFd> CreateSharedMemory(const char* name, std::uint64_t bytes,
                                            bool may_grow = false);

// Commits memory for a range of the file, growing it if need be: kResourceExhausted when there is
// none, instead of a SIGBUS at the first touch. About 0.1 s for a GiB. Linux would take the memory
// from others, by killing them, before it fails: what would leave the machine with less than
// kMemoryReserveBytes is refused.
inline constexpr std::uint64_t kMemoryReserveBytes = std::uint64_t{256} << 20;
absl::Status CommitSharedMemory(int fd, std::uint64_t offset, std::uint64_t bytes);

// What could be committed now without swapping, by /proc/meminfo; all there is if that cannot be
// read.
std::uint64_t AvailableMemoryBytes();

// Gives the memory of a range back; it reads as zero afterwards.
absl::Status DecommitSharedMemory(int fd, std::uint64_t offset, std::uint64_t bytes);

// Size of the file behind `fd`.
absl::StatusOr<std::uint64_t> FileBytes(int fd);

// A shared, readable and writable mapping of a file's range. Movable.
class Mapping {
 public:
  // `offset` is a multiple of the page size.
  static absl::StatusOr<Mapping> Map(int fd, std::uint64_t offset, std::uint64_t bytes);

  Mapping() = default;
  Mapping(Mapping&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  Mapping& operator=(Mapping&& other) noexcept;
  ~Mapping() { Unmap(); }

  std::byte* data() const { return data_; }
  std::uint64_t bytes() const { return bytes_; }

  // Fills in the page tables now rather than at each first touch. Best effort.
  void Populate() const;
  // Asks for huge pages where the machine gives them to shared memory. Best effort.
  void PreferHugePages() const;

 private:
  Mapping(std::byte* data, std::uint64_t bytes) : data_(data), bytes_(bytes) {}
  void Unmap();

  std::byte* data_ = nullptr;
  std::uint64_t bytes_ = 0;
};

}  // namespace amdgpu

#endif  // AMDGPU_C_SRC_BASE_SHARED_MEMORY_H_
