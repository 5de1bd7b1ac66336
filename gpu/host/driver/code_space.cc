#include "gpu/host/driver/code_space.h"

#include <sys/mman.h>

#include <cerrno>

#include "absl/memory/memory.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "c_src/base/error.h"
#include "gpu/host/driver/page.h"

namespace amdgpu::host {
namespace {

// A page less than what a signed 32-bit offset spans.
constexpr std::size_t kSpaceBytes = (std::size_t{1} << 31) - kPageBytes;

}  // namespace

absl::StatusOr<std::unique_ptr<CodeSpace>> CodeSpace::Reserve() {
  void* base =
      mmap(nullptr, kSpaceBytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (base == MAP_FAILED) return ErrnoError(errno, "reserving address space for kernels");
  return absl::WrapUnique(new CodeSpace(static_cast<std::byte*>(base)));
}

CodeSpace::~CodeSpace() { munmap(base_, kSpaceBytes); }

absl::StatusOr<std::byte*> CodeSpace::Take(std::size_t bytes) {
  if (bytes >= kSpaceBytes) {
    return absl::ResourceExhaustedError(
        absl::StrCat("a module of ", bytes, " bytes is too large to load"));
  }
  const std::size_t with_guard = bytes + kPageBytes;
  std::lock_guard<std::mutex> lock(mutex_);
  std::size_t offset = 0;  // first fit
  for (const auto& [start, length] : taken_) {
    if (start - offset >= with_guard) break;
    offset = start + length;
  }
  if (kSpaceBytes - offset < with_guard) {
    return absl::ResourceExhaustedError("no address space left for kernels: unload modules");
  }
  std::byte* start = base_ + offset;
  if (mprotect(start, bytes, PROT_READ | PROT_WRITE) != 0) {
    return ErrnoError(errno, absl::StrCat("memory for a module of ", bytes, " bytes"));
  }
  taken_.emplace(offset, with_guard);
  return start;
}

void CodeSpace::Return(std::byte* start, std::size_t bytes) {
  std::lock_guard<std::mutex> lock(mutex_);
  // A fresh mapping drops the pages. It replaces one like it, so it fails only when the kernel has
  // no memory for itself; then the piece stays taken.
  if (mmap(start, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1,
           0) != MAP_FAILED) {
    taken_.erase(static_cast<std::size_t>(start - base_));
  }
}

}  // namespace amdgpu::host
