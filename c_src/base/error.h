// Errors that carry data: an absl::Status whose payload is a proto::ErrorDetail.

#ifndef AMDGPU_C_SRC_BASE_ERROR_H_
#define AMDGPU_C_SRC_BASE_ERROR_H_

#include <optional>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "proto/error.pb.h"

namespace amdgpu {

// A status with `detail` attached. `message` is for people; `detail` for programs.
absl::Status MakeError(absl::StatusCode code, absl::string_view message,
                       const proto::ErrorDetail& detail);

// The detail of `status`, if it has one.
std::optional<proto::ErrorDetail> GetErrorDetail(const absl::Status& status);

// The error `errno` names, prefixed by what was being done: "mmap of 4096 bytes: Cannot allocate
// memory".
absl::Status ErrnoError(int error_number, absl::string_view doing);

}  // namespace amdgpu

#endif  // AMDGPU_C_SRC_BASE_ERROR_H_
