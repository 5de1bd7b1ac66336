#include "c_src/memory/limit_adaptor.h"

#include "c_src/memory/out_of_memory.h"

namespace amdgpu {

absl::StatusOr<Allocation> LimitAdaptor::Allocate(const AllocationRequest& request) {
  if (request.bytes > kMaxOffset) return upstream()->Allocate(request);  // refuses it
  const std::uint64_t bytes = RoundToGranules(request.bytes);

  const std::uint64_t device_limit = device_limit_.load(std::memory_order_relaxed);
  const std::uint64_t live = bytes_.fetch_add(bytes, std::memory_order_relaxed) + bytes;
  if (device_limit != 0 && live > device_limit) {
    bytes_.fetch_sub(bytes, std::memory_order_relaxed);
    return OutOfMemoryError(*upstream(), request, "device", device_limit);
  }
  if (const std::uint64_t limit = Charge(request.owner, bytes); limit != 0) {
    bytes_.fetch_sub(bytes, std::memory_order_relaxed);
    return OutOfMemoryError(*upstream(), request, "owner", limit);
  }
  return AllocateCharged(request, bytes);
}

absl::StatusOr<Allocation> LimitAdaptor::AllocateCharged(const AllocationRequest& request,
                                                         std::uint64_t bytes) {
  absl::StatusOr<Allocation> allocation = upstream()->Allocate(request);
  if (!allocation.ok()) GiveBack(request.owner, bytes);
  return allocation;
}

absl::StatusOr<LiveBlock> LimitAdaptor::Deallocate(BlockHandle handle,
                                                   absl::Span<const Fence> fences) {
  absl::StatusOr<LiveBlock> block = upstream()->Deallocate(handle, fences);
  if (block.ok()) GiveBack(block->owner, block->bytes);
  return block;
}

void LimitAdaptor::SetOwnerLimit(OwnerId owner, std::uint64_t bytes) {
  owners_.Apply(owner, [&](OwnerBudget& budget, auto&) { budget.limit = bytes; });
}

std::uint64_t LimitAdaptor::Charge(OwnerId owner, std::uint64_t bytes) {
  const std::uint64_t default_limit = default_owner_limit_.load(std::memory_order_relaxed);
  std::uint64_t exceeded = 0;
  owners_.Apply(owner, [&](OwnerBudget& budget, auto&) {
    const std::uint64_t limit = budget.limit != 0 ? budget.limit : default_limit;
    if (limit != 0 && budget.bytes + bytes > limit) {
      exceeded = limit;
    } else {
      budget.bytes += bytes;
    }
  });
  return exceeded;
}

void LimitAdaptor::GiveBack(OwnerId owner, std::uint64_t bytes) {
  bytes_.fetch_sub(bytes, std::memory_order_relaxed);
  owners_.Apply(owner, [&](OwnerBudget& budget, auto&) { budget.bytes -= bytes; });
}

}  // namespace amdgpu
