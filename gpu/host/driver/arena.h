// Device memory: slabs of the shared arena, mapped one by one.

#ifndef AMDGPU_GPU_HOST_DRIVER_ARENA_H_
#define AMDGPU_GPU_HOST_DRIVER_ARENA_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gpu/types.h"

namespace amdgpu::host {

// Each slab lies alone between wide inaccessible gaps, so that a kernel that runs off its end
// faults instead of writing into the next. Code written for GPUs reads a little past its buffers,
// which is harmless there: the page before and the page after a slab can be read, as zeroes.
// Thread-safe.
class Arena {
 public:
  // `fd` is a memfd of `bytes`; -1 for a driver without memory. Not closed here.
  Arena(int fd, std::uint64_t bytes) : fd_(fd), bytes_(bytes) {}
  ~Arena();

  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  std::uint64_t bytes() const { return bytes_; }

  absl::StatusOr<gpu::DeviceAddress> Map(std::uint64_t bytes, std::uint64_t offset);
  absl::Status Unmap(gpu::DeviceAddress address);

  // True if [address, address + bytes) lies within one slab.
  bool Contains(gpu::DeviceAddress address, std::uint64_t bytes) const;

 private:
  const int fd_;
  const std::uint64_t bytes_;
  mutable std::mutex mutex_;
  std::map<gpu::DeviceAddress, std::uint64_t> slabs_ ABSL_GUARDED_BY(mutex_);  // address -> bytes
};

}  // namespace amdgpu::host

#endif  // AMDGPU_GPU_HOST_DRIVER_ARENA_H_
