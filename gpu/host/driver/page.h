// The page size of x86-64, and rounding to it.

#ifndef AMDGPU_GPU_HOST_DRIVER_PAGE_H_
#define AMDGPU_GPU_HOST_DRIVER_PAGE_H_

#include <cstddef>
#include <cstdint>

namespace amdgpu::host {

inline constexpr std::size_t kPageBytes = 4096;

// `value` rounded up to a multiple of `alignment`, a power of two.
constexpr std::uint64_t RoundUp(std::uint64_t value, std::uint64_t alignment) {
  return (value + alignment - 1) & ~(alignment - 1);
}

}  // namespace amdgpu::host

#endif  // AMDGPU_GPU_HOST_DRIVER_PAGE_H_
