// The kernels that the text of a PTX module declares.

#ifndef AMDGPU_GPU_VENDOR_CODE_OBJECT_PTX_H_
#define AMDGPU_GPU_VENDOR_CODE_OBJECT_PTX_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "proto/code_object.pb.h"

namespace amdgpu::code_object {

// Text with a ".version" directive near its beginning.
bool LooksLikePtx(absl::string_view image);

// Names, and parameters as their places in the argument block: each is a PARAM_OPAQUE. Global
// variables of the module; the target as ".target" says it.
absl::StatusOr<proto::VendorCodeObject> ReadPtx(absl::string_view text);

}  // namespace amdgpu::code_object

#endif  // AMDGPU_GPU_VENDOR_CODE_OBJECT_PTX_H_
