// What may be given to a vendor's module loader, which trusts every word of it.

#ifndef AMDGPU_GPU_VENDOR_IMAGE_H_
#define AMDGPU_GPU_VENDOR_IMAGE_H_

#include <string>

#include "absl/status/status.h"

namespace amdgpu::vendor {

// kInvalidArgument unless `image` is a 64-bit ELF file whose headers, segments and sections lie
// within it, or PTX. The loaders are given no length: they would read past the end of less.
absl::Status CheckImage(const std::string& image);

}  // namespace amdgpu::vendor

#endif  // AMDGPU_GPU_VENDOR_IMAGE_H_
