#include "gpu/host/driver/relocation.h"

#include <elf.h>

#include <cstring>
#include <limits>

#include "absl/strings/str_cat.h"

namespace amdgpu::host {
namespace {

void Store64(std::byte* place, std::uint64_t value) { std::memcpy(place, &value, sizeof(value)); }

// Stores the low half of `value` if the rest is only its sign.
absl::Status Store32Signed(std::byte* place, std::uint64_t value) {
  const auto wide = static_cast<std::int64_t>(value);
  const auto narrow = static_cast<std::int32_t>(wide);
  if (narrow != wide) {
    return absl::InvalidArgumentError("a relocation of the object is out of range");
  }
  std::memcpy(place, &narrow, sizeof(narrow));
  return absl::OkStatus();
}

absl::Status Store32Unsigned(std::byte* place, std::uint64_t value) {
  if (value > std::numeric_limits<std::uint32_t>::max()) {
    return absl::InvalidArgumentError("a relocation of the object is out of range");
  }
  const auto narrow = static_cast<std::uint32_t>(value);
  std::memcpy(place, &narrow, sizeof(narrow));
  return absl::OkStatus();
}

}  // namespace

bool NeedsStub(std::uint32_t type) { return type == R_X86_64_PLT32 || type == R_X86_64_PC32; }

bool NeedsSlot(std::uint32_t type) {
  return type == R_X86_64_GOTPCREL || type == R_X86_64_GOTPCRELX || type == R_X86_64_REX_GOTPCRELX;
}

absl::Status RelocationWidth(std::uint32_t type, std::size_t& bytes) {
  switch (type) {
    case R_X86_64_NONE:
      bytes = 0;
      return absl::OkStatus();
    case R_X86_64_64:
    case R_X86_64_PC64:
      bytes = 8;
      return absl::OkStatus();
    case R_X86_64_32:
    case R_X86_64_32S:
    case R_X86_64_PC32:
    case R_X86_64_PLT32:
    case R_X86_64_GOTPCREL:
    case R_X86_64_GOTPCRELX:
    case R_X86_64_REX_GOTPCRELX:
      bytes = 4;
      return absl::OkStatus();
    default:
      return absl::InvalidArgumentError(
          absl::StrCat("the object has a relocation of type ", type, ", which is not supported"));
  }
}

absl::Status Relocate(std::uint32_t type, std::byte* place, const RelocationTarget& target,
                      std::int64_t addend) {
  // Unsigned arithmetic wraps, which is what the ABI's formulas mean.
  const std::uint64_t plus = static_cast<std::uint64_t>(addend);
  const std::uint64_t here = reinterpret_cast<std::uint64_t>(place);
  switch (type) {
    case R_X86_64_NONE:
      return absl::OkStatus();
    case R_X86_64_64:
      Store64(place, target.symbol + plus);
      return absl::OkStatus();
    case R_X86_64_PC64:
      Store64(place, target.symbol + plus - here);
      return absl::OkStatus();
    case R_X86_64_32:
      return Store32Unsigned(place, target.symbol + plus);
    case R_X86_64_32S:
      return Store32Signed(place, target.symbol + plus);
    case R_X86_64_PC32:
    case R_X86_64_PLT32:
      return Store32Signed(place, target.near + plus - here);
    case R_X86_64_GOTPCREL:
    case R_X86_64_GOTPCRELX:
    case R_X86_64_REX_GOTPCRELX:
      return Store32Signed(place, target.slot + plus - here);
    default:
      return absl::InternalError("an unchecked relocation");
  }
}

}  // namespace amdgpu::host
