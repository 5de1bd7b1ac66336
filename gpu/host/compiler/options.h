// What a caller may ask of a compile, checked, and what that means to clang.

#ifndef AMDGPU_GPU_HOST_COMPILER_OPTIONS_H_
#define AMDGPU_GPU_HOST_COMPILER_OPTIONS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "gpu/compiler_process/request.h"
#include "gpu/host/compiler/target.h"
#include "proto/compile.pb.h"

namespace amdgpu::hostcc {

using compiler_process::DefinesText;
using compiler_process::FileNameOf;
using compiler_process::kDefaultStandard;
using compiler_process::StandardOf;

// kInvalidArgument, with a message for the caller, for an option that is not one: a standard, the
// name or value of a define, a name expression, a block shape.
absl::Status CheckRequest(const proto::CompileRequest& request);

// 1 to 3: kernels are never compiled without optimisation, since the passes that run a block need
// it.
int OptimizationOf(const proto::CompileRequest& request);

// Arguments of clang -cc1, all but the input file.
std::vector<std::string> ClangArguments(const proto::CompileRequest& request, const Target& target);

}  // namespace amdgpu::hostcc

#endif  // AMDGPU_GPU_HOST_COMPILER_OPTIONS_H_
