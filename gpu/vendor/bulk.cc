#include "gpu/vendor/bulk.h"

#include <algorithm>

#include "gpu/vendor/errors.h"

namespace amdgpu::vendor {
namespace {

// From this distance on, pieces of that length are worth copying one after another in place.
constexpr std::uint64_t kInPlaceDistance = std::uint64_t{1} << 20;

}  // namespace

Result CopyWithin(const VendorApi& api, Stream stream, Address destination, Address source,
                  std::uint64_t bytes, absl::FunctionRef<Result(Address*)> bounce) {
  if (bytes == 0 || destination == source) return kSuccess;
  const std::uint64_t distance = destination > source ? destination - source : source - destination;
  if (distance >= bytes) return api.MemcpyDtoDAsync(destination, source, bytes, stream);
  const bool in_place = distance >= kInPlaceDistance;
  Address middle = 0;
  if (!in_place) {
    if (const Result result = bounce(&middle); result != kSuccess) return result;
  }
  const std::uint64_t piece = in_place ? distance : kBounceBytes;
  for (std::uint64_t done = 0; done < bytes;) {
    const std::uint64_t length = std::min(piece, bytes - done);
    // From the end that is not overwritten yet.
    const std::uint64_t at = destination > source ? bytes - done - length : done;
    Result result = kSuccess;
    if (in_place) {
      result = api.MemcpyDtoDAsync(destination + at, source + at, length, stream);
    } else {
      result = api.MemcpyDtoDAsync(middle, source + at, length, stream);
      if (result == kSuccess) {
        result = api.MemcpyDtoDAsync(destination + at, middle, length, stream);
      }
    }
    if (result != kSuccess) return result;
    done += length;
  }
  return kSuccess;
}

Result Repeat(const VendorApi& api, Stream stream, Address destination, std::uint64_t pattern,
              std::uint32_t pattern_bytes, std::uint64_t bytes) {
  if (bytes == 0) return kSuccess;
  const std::uint64_t count = bytes / pattern_bytes;
  const bool halves_alike = (pattern & 0xffffffff) == pattern >> 32;
  if (pattern_bytes == 8 && halves_alike) {
    return Repeat(api, stream, destination, pattern, 4, bytes);
  }
  if (destination % pattern_bytes == 0) {
    switch (pattern_bytes) {
      case 1:
        return api.MemsetD8Async(destination, static_cast<unsigned char>(pattern), count, stream);
      case 2:
        return api.MemsetD16Async(destination, static_cast<unsigned short>(pattern), count, stream);
      case 4:
        return api.MemsetD32Async(destination, static_cast<unsigned>(pattern), count, stream);
      default:
        break;
    }
  }
  // The pattern once, byte by byte, and then what is there already, again and again.
  for (std::uint32_t i = 0; i < pattern_bytes; ++i) {
    const auto byte = static_cast<unsigned char>(pattern >> (8 * i));
    const Result result = api.MemsetD8Async(destination + i, byte, 1, stream);
    if (result != kSuccess) return result;
  }
  for (std::uint64_t done = pattern_bytes; done < bytes;) {
    const std::uint64_t length = std::min(done, bytes - done);
    const Result result = api.MemcpyDtoDAsync(destination + done, destination, length, stream);
    if (result != kSuccess) return result;
    done += length;
  }
  return kSuccess;
}

}  // namespace amdgpu::vendor
