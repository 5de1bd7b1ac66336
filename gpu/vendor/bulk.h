// Copies and fills that the vendors have no single call for.

#ifndef AMDGPU_GPU_VENDOR_BULK_H_
#define AMDGPU_GPU_VENDOR_BULK_H_

#include <cstdint>

#include "absl/functional/function_ref.h"
#include "gpu/vendor/vendor_api.h"

namespace amdgpu::vendor {

// Queues copies in `stream` that leave what memmove would. Ranges that overlap go through `bounce`,
// kBounceBytes of device memory that nothing else uses meanwhile; it is asked for only then.
inline constexpr std::uint64_t kBounceBytes = std::uint64_t{4} << 20;
Result CopyWithin(const VendorApi& api, Stream stream, Address destination, Address source,
                  std::uint64_t bytes, absl::FunctionRef<Result(Address*)> bounce);

// Queues what repeats a pattern of 1, 2, 4 or 8 bytes. `bytes` is a multiple of it.
Result Repeat(const VendorApi& api, Stream stream, Address destination, std::uint64_t pattern,
              std::uint32_t pattern_bytes, std::uint64_t bytes);

}  // namespace amdgpu::vendor

#endif  // AMDGPU_GPU_VENDOR_BULK_H_
