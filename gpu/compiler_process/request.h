// What a caller may ask of a compile whatever the compiler, checked.

#ifndef AMDGPU_GPU_COMPILER_PROCESS_REQUEST_H_
#define AMDGPU_GPU_COMPILER_PROCESS_REQUEST_H_

#include <string>

#include "absl/status/status.h"
#include "proto/compile.pb.h"

namespace amdgpu::compiler_process {

inline constexpr char kDefaultStandard[] = "c++17";

// kInvalidArgument, with a message for the caller, for an option that is not one: a standard, the
// name or value of a define, a name expression, a block shape. The target is the compiler's to
// check.
absl::Status CheckOptions(const proto::CompileRequest& request);

// The caller's standard, or the default.
std::string StandardOf(const proto::CompileRequest& request);

// What the caller calls the source, or the default.
std::string FileNameOf(const proto::CompileRequest& request);

// The caller's defines as text. They are put between the runtime's headers and the source, so that
// they cannot change the headers.
std::string DefinesText(const proto::CompileRequest& request);

}  // namespace amdgpu::compiler_process

#endif  // AMDGPU_GPU_COMPILER_PROCESS_REQUEST_H_
