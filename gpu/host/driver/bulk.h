// Copies and fills as tasks: cut into pieces that threads share when they are large.

#ifndef AMDGPU_GPU_HOST_DRIVER_BULK_H_
#define AMDGPU_GPU_HOST_DRIVER_BULK_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include "gpu/driver.h"
#include "gpu/host/driver/task.h"

namespace amdgpu::host {

// The ranges may overlap.
std::unique_ptr<Task> MakeCopy(gpu::Ticket ticket, void* destination, const void* source,
                               std::uint64_t bytes);

// `pattern_bytes` is 1, 2, 4 or 8, and `bytes` a multiple of it; the pattern is in the low bytes.
std::unique_ptr<Task> MakeFill(gpu::Ticket ticket, void* destination, std::uint64_t pattern,
                               std::uint32_t pattern_bytes, std::uint64_t bytes);

}  // namespace amdgpu::host

#endif  // AMDGPU_GPU_HOST_DRIVER_BULK_H_
