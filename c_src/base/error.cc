#include "c_src/base/error.h"

#include <cstring>

#include "absl/status/status.h"
#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"

namespace amdgpu {
namespace {

constexpr char kPayloadUrl[] = "amdgpu.proto.ErrorDetail";

}  // namespace

absl::Status MakeError(absl::StatusCode code, absl::string_view message,
                       const proto::ErrorDetail& detail) {
  absl::Status status(code, message);
  status.SetPayload(kPayloadUrl, absl::Cord(detail.SerializeAsString()));
  return status;
}

std::optional<proto::ErrorDetail> GetErrorDetail(const absl::Status& status) {
  const absl::optional<absl::Cord> payload = status.GetPayload(kPayloadUrl);
  if (!payload.has_value()) return std::nullopt;
  proto::ErrorDetail detail;
  if (!detail.ParseFromString(std::string(*payload))) return std::nullopt;
  return detail;
}

absl::Status ErrnoError(int error_number, absl::string_view doing) {
  return absl::ErrnoToStatus(error_number, doing);
}

}  // namespace amdgpu
