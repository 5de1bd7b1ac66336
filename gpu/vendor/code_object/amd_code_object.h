// The metadata note (NT_AMDGPU_METADATA) and the variables of an AMD code object, version 3 and up.

#ifndef AMDGPU_GPU_VENDOR_CODE_OBJECT_AMD_CODE_OBJECT_H_
#define AMDGPU_GPU_VENDOR_CODE_OBJECT_AMD_CODE_OBJECT_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "gpu/vendor/code_object/elf_file.h"
#include "proto/code_object.pb.h"

namespace amdgpu::code_object {

absl::StatusOr<proto::VendorCodeObject> ReadAmdCodeObject(const ElfFile& file);

}  // namespace amdgpu::code_object

#endif  // AMDGPU_GPU_VENDOR_CODE_OBJECT_AMD_CODE_OBJECT_H_
