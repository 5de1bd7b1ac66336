// What is known of architectures by their names: which code runs where, and the matrix cores.

#ifndef AMDGPU_GPU_VENDOR_ARCH_H_
#define AMDGPU_GPU_VENDOR_ARCH_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace amdgpu::vendor {

// Whether code for `target` runs on a device whose arch is `arch`, as the vendors promise it.
//
// AMD: the same processor ("gfx90a") or a generic one that covers it ("gfx11-generic"), and each
// feature that the target names ("gfx90a:xnack-") as the device has it. NVIDIA: a cubin ("sm_86")
// on the same major version and the same or a later minor one, an arch-specific one ("sm_90a") on
// exactly its own; PTX ("compute_80") on that version and every later one.
bool RunsOn(absl::string_view target, absl::string_view arch);

// "gfx90a" of "gfx90a:sramecc+:xnack-".
absl::string_view Processor(absl::string_view arch);

// The families of matrix-core instructions: "mfma", "mfma_f64", "mfma_xf32", "mfma_fp8",
// "wmma", "wmma_fp8"; "mma", "mma_int8", "mma_tf32_bf16_f64", "mma_fp8", "wgmma", "tcgen05". Empty
// if the arch has none or is not known.
std::vector<std::string> MatrixInstructions(absl::string_view arch);

}  // namespace amdgpu::vendor

#endif  // AMDGPU_GPU_VENDOR_ARCH_H_
