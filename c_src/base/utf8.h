// UTF-8 as far as the compile path needs it: protobuf strings must be valid, carets must point at
// the right column.

#ifndef AMDGPU_C_SRC_BASE_UTF8_H_
#define AMDGPU_C_SRC_BASE_UTF8_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

namespace amdgpu {

// The length in bytes of the longest prefix of `text` that is valid UTF-8.
std::size_t ValidUtf8Prefix(absl::string_view text);

// `text` with '?' for every byte that is not part of a valid sequence.
std::string MakeValidUtf8(absl::string_view text);

}  // namespace amdgpu

#endif  // AMDGPU_C_SRC_BASE_UTF8_H_
