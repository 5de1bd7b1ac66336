// Reading little-endian values out of bytes that are not trusted.

#ifndef AMDGPU_GPU_VENDOR_CODE_OBJECT_BYTE_READER_H_
#define AMDGPU_GPU_VENDOR_CODE_OBJECT_BYTE_READER_H_

#include <cstdint>
#include <cstring>
#include <type_traits>

#include "absl/strings/string_view.h"

namespace amdgpu::code_object {

// `size` bytes at `offset`; false if they are not all there.
inline bool SliceAt(absl::string_view bytes, std::uint64_t offset, std::uint64_t size,
                    absl::string_view* slice) {
  if (offset > bytes.size() || size > bytes.size() - offset) return false;
  *slice = bytes.substr(offset, size);
  return true;
}

// A value as it lies in memory; false if it is not all there.
template <typename T>
bool ReadAt(absl::string_view bytes, std::uint64_t offset, T* value) {
  static_assert(std::is_trivially_copyable_v<T>);
  absl::string_view slice;
  if (!SliceAt(bytes, offset, sizeof(T), &slice)) return false;
  std::memcpy(value, slice.data(), sizeof(T));
  return true;
}

// The greatest alignment, up to 16, that a value at this place may have: it divides place and size.
inline std::uint32_t LikelyAlignment(std::uint64_t offset, std::uint64_t size) {
  const std::uint64_t bits = offset | size | 16;
  return static_cast<std::uint32_t>(bits & (~bits + 1));
}

}  // namespace amdgpu::code_object

#endif  // AMDGPU_GPU_VENDOR_CODE_OBJECT_BYTE_READER_H_
