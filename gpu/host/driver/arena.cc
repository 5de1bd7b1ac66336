#include "gpu/host/driver/arena.h"

#include <sys/mman.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "c_src/base/error.h"
#include "gpu/host/driver/page.h"

namespace amdgpu::host {
namespace {

constexpr std::uint64_t kGapBytes = std::uint64_t{64} << 20;

std::byte* At(gpu::DeviceAddress address) { return reinterpret_cast<std::byte*>(address); }

}  // namespace

Arena::~Arena() {
  for (const auto& [address, bytes] : slabs_) {
    munmap(At(address) - kGapBytes, bytes + 2 * kGapBytes);
  }
}

absl::StatusOr<gpu::DeviceAddress> Arena::Map(std::uint64_t bytes, std::uint64_t offset) {
  if (bytes == 0 || bytes % kPageBytes != 0 || offset % kPageBytes != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("a slab of ", bytes, " bytes at ", offset, " is not made of whole pages"));
  }
  if (bytes > bytes_ || offset > bytes_ - bytes) {
    return absl::InvalidArgumentError(absl::StrCat("a slab of ", bytes, " bytes at ", offset,
                                                   " lies outside the arena of ", bytes_));
  }
  // The gaps first, then the slab and the two readable pages on top.
  void* space = mmap(nullptr, bytes + 2 * kGapBytes, PROT_NONE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (space == MAP_FAILED) {
    return absl::ResourceExhaustedError(absl::StrCat("no address space for ", bytes, " bytes"));
  }
  std::byte* slab = static_cast<std::byte*>(space) + kGapBytes;
  const bool mapped = mmap(slab, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd_,
                           static_cast<off_t>(offset)) != MAP_FAILED &&
                      mprotect(slab - kPageBytes, kPageBytes, PROT_READ) == 0 &&
                      mprotect(slab + bytes, kPageBytes, PROT_READ) == 0;
  if (!mapped) {
    const int error = errno;
    munmap(space, bytes + 2 * kGapBytes);
    return absl::ResourceExhaustedError(
        ErrnoError(error, absl::StrCat("mapping ", bytes, " bytes of the arena")).message());
  }
  madvise(slab, bytes, MADV_HUGEPAGE);  // where the system wants to be asked
  const auto address = reinterpret_cast<gpu::DeviceAddress>(slab);
  std::lock_guard<std::mutex> lock(mutex_);
  slabs_.emplace(address, bytes);
  return address;
}

absl::Status Arena::Unmap(gpu::DeviceAddress address) {
  std::lock_guard<std::mutex> lock(mutex_);
  const auto slab = slabs_.find(address);
  if (slab == slabs_.end()) {
    return absl::NotFoundError(absl::StrCat("no slab starts at 0x", absl::Hex(address)));
  }
  munmap(At(address) - kGapBytes, slab->second + 2 * kGapBytes);
  slabs_.erase(slab);
  return absl::OkStatus();
}

bool Arena::Contains(gpu::DeviceAddress address, std::uint64_t bytes) const {
  std::lock_guard<std::mutex> lock(mutex_);
  auto slab = slabs_.upper_bound(address);
  if (slab == slabs_.begin()) return false;
  --slab;
  const std::uint64_t offset = address - slab->first;
  return offset <= slab->second && bytes <= slab->second - offset;
}

}  // namespace amdgpu::host
