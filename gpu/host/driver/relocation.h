// The relocations of x86-64 that a kernel's object uses.

#ifndef AMDGPU_GPU_HOST_DRIVER_RELOCATION_H_
#define AMDGPU_GPU_HOST_DRIVER_RELOCATION_H_

#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"

namespace amdgpu::host {

// True for a type that refers to its symbol with a 32-bit offset, which a function outside the
// image needs a stub for.
bool NeedsStub(std::uint32_t type);

// True for a type that refers to its symbol's slot in the offset table.
bool NeedsSlot(std::uint32_t type);

// Bytes that a relocation of this type changes; 0 for one that changes nothing. kInvalidArgument
// for a type that is not supported.
absl::Status RelocationWidth(std::uint32_t type, std::size_t& bytes);

// What a relocation refers to.
struct RelocationTarget {
  std::uint64_t symbol = 0;  // its address
  std::uint64_t near = 0;    // its stub if it has one, else its address
  std::uint64_t slot = 0;    // its slot's address, where the type needs one
};

// Applies a relocation at `place`, which has its width in bytes. kInvalidArgument if the value does
// not fit.
absl::Status Relocate(std::uint32_t type, std::byte* place, const RelocationTarget& target,
                      std::int64_t addend);

}  // namespace amdgpu::host

#endif  // AMDGPU_GPU_HOST_DRIVER_RELOCATION_H_
