// What a process that compiles a stranger's source may still do: compute, allocate, and read and
// write the descriptors it has.

#ifndef AMDGPU_GPU_HOST_COMPILER_SANDBOX_H_
#define AMDGPU_GPU_HOST_COMPILER_SANDBOX_H_

#include <chrono>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace amdgpu::hostcc {

struct Limits {
  std::chrono::milliseconds time{30'000};   // CPU and wall; the process dies by SIGXCPU or SIGALRM
  std::uint64_t memory_bytes = 2ull << 30;  // address space beyond what the process has now
};

// Sets the limits of this process, and: no files written, no descriptors opened, no core dump.
absl::Status ApplyLimits(const Limits& limits);

// A seccomp filter. Files cannot be opened (EACCES), threads can be made but no processes; any
// other system call that is not needed for computing ends the process.
class SyscallFilter {
 public:
  // Builds it; costs a millisecond, so before it is needed.
  static absl::StatusOr<SyscallFilter> Build();
  SyscallFilter(SyscallFilter&& other) noexcept : context_(other.context_) {
    other.context_ = nullptr;
  }
  SyscallFilter(const SyscallFilter&) = delete;
  SyscallFilter& operator=(const SyscallFilter&) = delete;
  ~SyscallFilter();

  // Puts this process under it, for ever.
  absl::Status Load() const;

 private:
  explicit SyscallFilter(void* context) : context_(context) {}
  void* context_;  // scmp_filter_ctx, owned
};

}  // namespace amdgpu::hostcc

#endif  // AMDGPU_GPU_HOST_COMPILER_SANDBOX_H_
