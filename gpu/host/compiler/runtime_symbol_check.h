// Which symbols a kernel's object may leave undefined.

#ifndef AMDGPU_GPU_HOST_COMPILER_RUNTIME_SYMBOL_CHECK_H_
#define AMDGPU_GPU_HOST_COMPILER_RUNTIME_SYMBOL_CHECK_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace amdgpu::hostcc {

// Whether the loader binds `symbol` (gpu/host/runtime_symbols.h).
bool IsRuntimeSymbol(absl::string_view symbol);

// The undefined symbols of an ELF object that the loader would not bind.
absl::StatusOr<std::vector<std::string>> UnboundSymbols(absl::string_view object);

}  // namespace amdgpu::hostcc

#endif  // AMDGPU_GPU_HOST_COMPILER_RUNTIME_SYMBOL_CHECK_H_
