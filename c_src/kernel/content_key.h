// What makes two compile requests the same: their fingerprint, and the hash that names the result.

#ifndef AMDGPU_C_SRC_KERNEL_CONTENT_KEY_H_
#define AMDGPU_C_SRC_KERNEL_CONTENT_KEY_H_

#include <string>

#include "absl/status/status.h"
#include "c_src/kernel/compile_service.h"
#include "proto/compile.pb.h"

namespace amdgpu {

// Largest source text accepted.
inline constexpr std::size_t kMaxSourceBytes = std::size_t{16} << 20;

// Puts the default in place of what a request leaves empty, and our build id into it.
void FillDefaults(proto::CompileRequest& request, std::uint32_t default_timeout_ms);

// kInvalidArgument for what could not even be sent to a compiler: text that is not UTF-8, too long.
absl::Status CheckRequest(const proto::CompileRequest& request);

// Everything in `request` that can change the result, in one string, without two different requests
// ever having the same. An empty field and its default are the same. Limits do not count.
std::string Fingerprint(const proto::CompileRequest& request);

}  // namespace amdgpu

#endif  // AMDGPU_C_SRC_KERNEL_CONTENT_KEY_H_
