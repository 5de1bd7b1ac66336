// The one compile service of this BEAM, shared by its devices.

#ifndef AMDGPU_NIF_COMPILER_H_
#define AMDGPU_NIF_COMPILER_H_

#include <memory>

#include "absl/status/status.h"
#include "c_src/kernel/compile_service.h"

namespace amdgpu::nif {

// Makes the service and warms it; replaces a previous one.
absl::Status StartCompiler(const CompileServiceOptions& options);
// Ends it once the last device lets go of it.
void StopCompiler();
// Null before StartCompiler. Thread-safe.
std::shared_ptr<CompileService> Compiler();

}  // namespace amdgpu::nif

#endif  // AMDGPU_NIF_COMPILER_H_
