#include "c_src/runtime/slab.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace amdgpu {

absl::StatusOr<Arena> Arena::Create(std::uint64_t bytes) {
  bytes = (bytes + kSlabAlignment - 1) / kSlabAlignment * kSlabAlignment;
  absl::StatusOr<UniqueFd> fd = CreateSharedMemory("amdgpu-arena", bytes);
  if (!fd.ok()) return fd.status();
  return Arena(*std::move(fd), bytes);
}

absl::StatusOr<SlabRef> Arena::Make(std::uint64_t bytes) const {
  std::uint64_t offset = 0;  // first fit
  for (const SlabRef& slab : slabs_) {
    if (slab->offset - offset >= bytes) break;
    offset = slab->offset + slab->bytes;
  }
  if (bytes > bytes_ || offset > bytes_ - bytes) {
    return absl::ResourceExhaustedError(
        absl::StrCat("the device's ", bytes_, " bytes have no room for a slab of ", bytes));
  }
  if (!host_visible()) return std::make_shared<Slab>(Slab{offset, bytes, {}, 0});
  if (absl::Status status = CommitSharedMemory(fd_.get(), offset, bytes); !status.ok()) {
    return status;
  }
  absl::StatusOr<Mapping> mapping = Mapping::Map(fd_.get(), offset, bytes);
  if (!mapping.ok()) {
    DecommitSharedMemory(fd_.get(), offset, bytes).IgnoreError();
    return mapping.status();
  }
  mapping->Populate();
  return std::make_shared<Slab>(Slab{offset, bytes, *std::move(mapping), 0});
}

void Arena::Insert(SlabRef slab) {
  const auto place = std::upper_bound(
      slabs_.begin(), slabs_.end(), slab,
      [](const SlabRef& left, const SlabRef& right) { return left->offset < right->offset; });
  slabs_.insert(place, std::move(slab));
}

void Arena::Remove(const SlabRef& slab) {
  if (host_visible()) DecommitSharedMemory(fd_.get(), slab->offset, slab->bytes).IgnoreError();
  slabs_.erase(std::remove(slabs_.begin(), slabs_.end(), slab), slabs_.end());
}

SlabRef Arena::Find(std::uint64_t offset) const {
  auto after = std::upper_bound(
      slabs_.begin(), slabs_.end(), offset,
      [](std::uint64_t value, const SlabRef& slab) { return value < slab->offset; });
  if (after == slabs_.begin()) return nullptr;
  const SlabRef& slab = *std::prev(after);
  return slab->Contains(offset) ? slab : nullptr;
}

}  // namespace amdgpu
