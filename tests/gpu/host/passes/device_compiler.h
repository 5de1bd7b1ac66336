// The tests' own frontend: HIP source -> clang in process -> LLVM's pipeline with the passes under
// test. It knows nothing of the real compiler.

#ifndef AMDGPU_TESTS_GPU_HOST_PASSES_DEVICE_COMPILER_H_
#define AMDGPU_TESTS_GPU_HOST_PASSES_DEVICE_COMPILER_H_

#include <cstdint>
#include <memory>
#include <string>

#include "gpu/host/compiler/passes/passes.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "llvm/Target/TargetMachine.h"

namespace amdgpu::hostcc {

// Code generation for this machine's CPU.
std::unique_ptr<llvm::TargetMachine> nativeTarget();

// How wide LLVM makes vectors for it.
std::uint32_t nativeVectorBits();

// Null if `source` is wrong; `errors` says why.
std::unique_ptr<llvm::Module> compileDeviceSource(const std::string& source,
                                                  llvm::LLVMContext& context, std::string& errors);

// O3 with the passes. What they report is appended to `errors`.
void optimiseDeviceModule(llvm::Module& module, llvm::TargetMachine& target,
                          const HostPassOptions& options, std::string& errors);

}  // namespace amdgpu::hostcc

#endif  // AMDGPU_TESTS_GPU_HOST_PASSES_DEVICE_COMPILER_H_
