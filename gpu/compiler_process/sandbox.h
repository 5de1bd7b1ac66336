// What a process that compiles a stranger's source may still do: compute, allocate, read and write
// the descriptors it has, and perhaps temporary files of its own.

#ifndef AMDGPU_GPU_COMPILER_PROCESS_SANDBOX_H_
#define AMDGPU_GPU_COMPILER_PROCESS_SANDBOX_H_

#include <chrono>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace amdgpu::compiler_process {

// What a process may do with files.
enum class Files {
  kNone,     // nothing
  kPrivate,  // open, write and remove those that it still sees (private_directory.h)
};

struct Limits {
  std::chrono::milliseconds time{30'000};   // CPU and wall; the process dies by SIGXCPU or SIGALRM
  std::uint64_t memory_bytes = 2ull << 30;  // address space beyond what the process has now
  Files files = Files::kNone;
};

// Sets the limits of this process, and: no core dump; without files, none written and no descriptor
// opened.
absl::Status ApplyLimits(const Limits& limits);

// A seccomp filter. Threads can be made but no processes, sockets or code. With kNone files cannot
// be opened (EACCES) and any other system call that is not needed for computing ends the process.
// With kPrivate, for a vendor's library that nobody here wrote, such a call fails with EPERM.
class SyscallFilter {
 public:
  // Builds it; costs a millisecond, so before it is needed.
  static absl::StatusOr<SyscallFilter> Build(Files files);
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

}  // namespace amdgpu::compiler_process

#endif  // AMDGPU_GPU_COMPILER_PROCESS_SANDBOX_H_
