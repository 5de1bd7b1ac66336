#include "c_src/memory/memory_resource.h"

#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace amdgpu {
namespace {

constexpr char kNeededBytesUrl[] = "amdgpu.NeededBytes";

}  // namespace

std::optional<std::uint64_t> NeededBytes(const absl::Status& status) {
  const absl::optional<absl::Cord> payload = status.GetPayload(kNeededBytesUrl);
  std::uint64_t bytes = 0;
  if (!payload.has_value() || !absl::SimpleAtoi(std::string(*payload), &bytes)) {
    return std::nullopt;
  }
  return bytes;
}

absl::Status NeedsBytesError(std::uint64_t bytes) {
  absl::Status status =
      absl::UnavailableError(absl::StrCat("the pool needs ", bytes, " bytes more"));
  status.SetPayload(kNeededBytesUrl, absl::Cord(absl::StrCat(bytes)));
  return status;
}

}  // namespace amdgpu
