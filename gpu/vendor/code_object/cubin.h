// The parameter information (.nv.info) and the variables of a cubin.

#ifndef AMDGPU_GPU_VENDOR_CODE_OBJECT_CUBIN_H_
#define AMDGPU_GPU_VENDOR_CODE_OBJECT_CUBIN_H_

#include "absl/status/statusor.h"
#include "gpu/vendor/code_object/elf_file.h"
#include "proto/code_object.pb.h"

namespace amdgpu::code_object {

// Every parameter is a PARAM_OPAQUE: a cubin does not say which are pointers. The target is empty.
absl::StatusOr<proto::VendorCodeObject> ReadCubin(const ElfFile& file);

}  // namespace amdgpu::code_object

#endif  // AMDGPU_GPU_VENDOR_CODE_OBJECT_CUBIN_H_
