// What this machine's processor can do, by LLVM's names: what host code may have been compiled for.

#ifndef AMDGPU_GPU_HOST_CPU_FEATURES_H_
#define AMDGPU_GPU_HOST_CPU_FEATURES_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace amdgpu::host {

// The features that the processor has and the operating system supports: "avx2", "sse4.2". The same
// for the process's life.
const std::vector<std::string>& CpuFeatures();

// Whether a feature of this name is one that CpuFeatures can find. Code objects say no others.
bool IsKnownCpuFeature(absl::string_view name);

// Those of `features` that this processor lacks, separated by commas; empty: it has them all.
std::string MissingCpuFeatures(const std::vector<std::string>& features);

}  // namespace amdgpu::host

#endif  // AMDGPU_GPU_HOST_CPU_FEATURES_H_
