// Which build this is. Client, worker and compiler are of one build or refuse each other.

#ifndef AMDGPU_C_SRC_BASE_BUILD_ID_H_
#define AMDGPU_C_SRC_BASE_BUILD_ID_H_

#include <string_view>

namespace amdgpu {

// A hash of every native source this binary was built from: 32 hexadecimal digits.
std::string_view BuildId();

}  // namespace amdgpu

#endif  // AMDGPU_C_SRC_BASE_BUILD_ID_H_
