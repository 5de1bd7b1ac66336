// Which machine code this machine's CPU can run, without asking the compiler.

#ifndef AMDGPU_C_SRC_KERNEL_TARGET_IDENTITY_H_
#define AMDGPU_C_SRC_KERNEL_TARGET_IDENTITY_H_

#include <string>

namespace amdgpu {

// A short text that differs between CPUs for which host code may be compiled differently: model and
// features, as the processor and the operating system offer them. The same for the process's life.
const std::string& HostTargetIdentity();

}  // namespace amdgpu

#endif  // AMDGPU_C_SRC_KERNEL_TARGET_IDENTITY_H_
