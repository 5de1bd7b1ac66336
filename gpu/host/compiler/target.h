// The machine that host kernels are compiled for: this one.

#ifndef AMDGPU_GPU_HOST_COMPILER_TARGET_H_
#define AMDGPU_GPU_HOST_COMPILER_TARGET_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "llvm/Target/TargetMachine.h"

namespace amdgpu::hostcc {

struct Target {
  std::string triple;                 // "x86_64-pc-linux-gnu"
  std::string cpu;                    // LLVM's name: "sapphirerapids"
  std::vector<std::string> features;  // "+avx2", "-sse4a", ...
  std::uint32_t vector_bits;          // widest vector register: 128, 256 or 512
  // For optimisation 3 without strict math, what nearly all compiles ask for. It is kept because
  // it keeps what it once derived from the features.
  std::shared_ptr<llvm::TargetMachine> machine;
};

// This machine. Fails on a processor that is not x86-64. Call InitializeBackend first.
absl::StatusOr<Target> DetectTarget();

// Registers LLVM's x86 back end and sets what can only be set for the whole process. Call once,
// before any compile.
void InitializeBackend();

// Position-independent, small code model. `optimization` is 1 to 3.
absl::StatusOr<std::shared_ptr<llvm::TargetMachine>> TargetMachineFor(const Target& target,
                                                                      int optimization,
                                                                      bool strict_math);

}  // namespace amdgpu::hostcc

#endif  // AMDGPU_GPU_HOST_COMPILER_TARGET_H_
