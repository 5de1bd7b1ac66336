// The one clock of all processes: CLOCK_MONOTONIC, in nanoseconds.

#ifndef AMDGPU_C_SRC_BASE_CLOCK_H_
#define AMDGPU_C_SRC_BASE_CLOCK_H_

#include <time.h>

#include <cstdint>

namespace amdgpu {

// Nanoseconds since an arbitrary point that is the same in every process of this boot.
inline std::uint64_t NowNs() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000u +
         static_cast<std::uint64_t>(now.tv_nsec);
}

}  // namespace amdgpu

#endif  // AMDGPU_C_SRC_BASE_CLOCK_H_
