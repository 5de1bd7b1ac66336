// Names out of a code object as protobuf strings, which must be UTF-8.

#ifndef AMDGPU_GPU_VENDOR_CODE_OBJECT_VALID_TEXT_H_
#define AMDGPU_GPU_VENDOR_CODE_OBJECT_VALID_TEXT_H_

#include <algorithm>
#include <string>

#include "absl/strings/string_view.h"

namespace amdgpu::code_object {

// `text`, with '?' for what is not printable ASCII: symbols are nothing else.
inline std::string ValidText(absl::string_view text) {
  std::string valid(text);
  std::replace_if(valid.begin(), valid.end(), [](char c) { return c < 0x20 || c > 0x7e; }, '?');
  return valid;
}

}  // namespace amdgpu::code_object

#endif  // AMDGPU_GPU_VENDOR_CODE_OBJECT_VALID_TEXT_H_
