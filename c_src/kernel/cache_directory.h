// The directory of the disk cache: where it is, and whether it can be trusted.

#ifndef AMDGPU_C_SRC_KERNEL_CACHE_DIRECTORY_H_
#define AMDGPU_C_SRC_KERNEL_CACHE_DIRECTORY_H_

#include <string>

#include "absl/status/statusor.h"
#include "c_src/base/unique_fd.h"

namespace amdgpu {

// $AMDGPU_CACHE_DIR, else $XDG_CACHE_HOME/amdgpu, else ~/.cache/amdgpu; empty without any of them.
std::string DefaultCacheDirectory();

// Opens the folder of `path` that holds the entries, creating it and what is missing above it with
// mode 0700. Code from it will be run, so nobody else may be able to write there:
// kPermissionDenied when `path` or the folder belongs to another user, is a link to nowhere, or
// cannot be made private.
absl::StatusOr<UniqueFd> OpenCacheDirectory(const std::string& path);

}  // namespace amdgpu

#endif  // AMDGPU_C_SRC_KERNEL_CACHE_DIRECTORY_H_
