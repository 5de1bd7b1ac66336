// The functions of a vendor's library as code that a device loads.

#ifndef AMDGPU_C_SRC_KERNEL_LIBRARY_CODE_H_
#define AMDGPU_C_SRC_KERNEL_LIBRARY_CODE_H_

#include "absl/strings/string_view.h"
#include "c_src/kernel/compile_service.h"

namespace amdgpu {

// For Device::LoadKernel, of a GPU: `library` is "blas", whose functions are gemm_f32, gemm_f64,
// gemm_f16 and gemm_bf16 (gpu/vendor/blas.h says what they take). Whether there is one is known to
// the device's worker alone: kNotFound of the load says why not.
CodeObjectRef LibraryCode(absl::string_view library);

}  // namespace amdgpu

#endif  // AMDGPU_C_SRC_KERNEL_LIBRARY_CODE_H_
