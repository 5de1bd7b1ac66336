// What a compiled module of a GPU says of itself: its target, its kernels and their arguments, its
// variables. The image is not trusted: whatever is wrong with it is kInvalidArgument.
//
// An AMD code object names each argument's offset, size and whether it is a pointer; a cubin its
// offset and size; PTX its size. None has element types: those come from the source
// (c_src/kernel/signature_merge.h). What the image leaves open is a PARAM_OPAQUE.

#ifndef AMDGPU_GPU_VENDOR_CODE_OBJECT_CODE_OBJECT_H_
#define AMDGPU_GPU_VENDOR_CODE_OBJECT_CODE_OBJECT_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "proto/code_object.pb.h"

namespace amdgpu::code_object {

// Largest argument block that is believed, bytes.
inline constexpr std::uint64_t kMaxArgsBytes = 1u << 20;

// Everything but the image: target (as the image says it, which may be ""), kernels in the image's
// order with their symbols as names, globals. AMD: an ELF file, or a bundle of them in which the
// first for a GPU counts. NVIDIA: a cubin, or the text of a PTX module.
absl::StatusOr<proto::VendorCodeObject> ReadCodeObject(absl::string_view image);

// What there is instead of `image` when it is a bundle ("__CLANG_OFFLOAD_BUNDLE__"), as newer
// hipRTC returns it: the code object of its first GPU entry. `image` itself when it is none.
absl::StatusOr<absl::string_view> Unbundled(absl::string_view image);

}  // namespace amdgpu::code_object

#endif  // AMDGPU_GPU_VENDOR_CODE_OBJECT_CODE_OBJECT_H_
