// From a module of HIP device code to a relocatable object in memory: the host device's passes in
// LLVM's pipeline, then code generation.

#ifndef AMDGPU_GPU_HOST_COMPILER_BACKEND_H_
#define AMDGPU_GPU_HOST_COMPILER_BACKEND_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "gpu/host/compiler/ast_rules.h"
#include "gpu/host/compiler/target.h"
#include "llvm/IR/Module.h"
#include "proto/compile.pb.h"

namespace amdgpu::hostcc {

// Compiles the kernels of `facts` and drops all others. Fills in their shared memory sizes. Errors
// of the source that only the passes can see (recursion over thread indices) are added to `reply`
// as diagnostics, and the result is empty; a status is a defect of the compiler.
absl::StatusOr<std::string> GenerateObject(llvm::Module& module,
                                           const proto::CompileRequest& request,
                                           const Target& target, SourceFacts* facts,
                                           proto::CompileReply* reply);

}  // namespace amdgpu::hostcc

#endif  // AMDGPU_GPU_HOST_COMPILER_BACKEND_H_
