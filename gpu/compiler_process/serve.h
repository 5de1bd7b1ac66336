// The main program of a compiler process.

#ifndef AMDGPU_GPU_COMPILER_PROCESS_SERVE_H_
#define AMDGPU_GPU_COMPILER_PROCESS_SERVE_H_

#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gpu/compiler_process/source_compiler.h"

namespace amdgpu::compiler_process {

// Makes the compiler and serves requests on descriptor 3, the control socket, until it closes. A
// compiler that cannot be had (kNotFound: its library is absent) is told in the hello, and is no
// error of this process.
absl::Status Serve(
    const std::function<absl::StatusOr<std::unique_ptr<SourceCompiler>>()>& make_compiler);

}  // namespace amdgpu::compiler_process

#endif  // AMDGPU_GPU_COMPILER_PROCESS_SERVE_H_
