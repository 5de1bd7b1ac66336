// The one clock of all processes: CLOCK_MONOTONIC, in nanoseconds. And the processor time of this
// one.

#ifndef AMDGPU_C_SRC_BASE_CLOCK_H_
#define AMDGPU_C_SRC_BASE_CLOCK_H_

#include <time.h>

#include <cstdint>

namespace amdgpu {

inline constexpr std::uint64_t kMillisecondNs = 1'000'000;
inline constexpr std::uint64_t kSecondNs = 1'000'000'000;

inline std::uint64_t ToNs(const timespec& time) {
  return static_cast<std::uint64_t>(time.tv_sec) * kSecondNs +
         static_cast<std::uint64_t>(time.tv_nsec);
}

// Nanoseconds since an arbitrary point that is the same in every process of this boot.
inline std::uint64_t NowNs() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return ToNs(now);
}

// The same clock as of the kernel's last tick: some milliseconds old, and read in a fraction of the
// time.
inline std::uint64_t CoarseNowNs() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return ToNs(now);
}

// What all threads of this process have used of the processors.
inline std::uint64_t ProcessCpuNs() {
  timespec used;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return ToNs(used);
}

}  // namespace amdgpu

#endif  // AMDGPU_C_SRC_BASE_CLOCK_H_
