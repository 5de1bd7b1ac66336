#include "c_src/memory/limit_adaptor.h"

#include "c_src/memory/out_of_memory.h"

namespace amdgpu {

std::uint64_t LimitAdaptor::ExceededBy(const OwnerBudget& budget, std::uint64_t bytes) const {
  const std::uint64_t limit = budget.limit != 0 ? budget.limit : default_owner_limit_;
  return limit != 0 && budget.bytes + bytes > limit ? limit : 0;
}

absl::StatusOr<Allocation> LimitAdaptor::Allocate(const AllocationRequest& request) {
  if (request.bytes > kMaxOffset) return upstream()->Allocate(request);  // refuses it
  const std::uint64_t bytes = RoundToGranules(request.bytes);
  if (device_limit_ != 0 && bytes_ + bytes > device_limit_) {
    return OutOfMemoryError(*upstream(), request, "device", device_limit_);
  }
  if (const std::uint64_t limit = ExceededBy(owners_[request.owner], bytes); limit != 0) {
    return OutOfMemoryError(*upstream(), request, "owner", limit);
  }
  return AllocateCharged(request, bytes);
}

// Apart, so that the result is built where the caller wants it.
absl::StatusOr<Allocation> LimitAdaptor::AllocateCharged(const AllocationRequest& request,
                                                         std::uint64_t bytes) {
  absl::StatusOr<Allocation> allocation = upstream()->Allocate(request);
  if (allocation.ok()) {
    bytes_ += bytes;
    owners_[request.owner].bytes += bytes;
  }
  return allocation;
}

absl::StatusOr<LiveBlock> LimitAdaptor::Deallocate(BlockHandle handle,
                                                   absl::Span<const Fence> fences) {
  absl::StatusOr<LiveBlock> block = upstream()->Deallocate(handle, fences);
  if (!block.ok()) return block;
  bytes_ -= block->bytes;
  owners_[block->owner].bytes -= block->bytes;
  return block;
}

absl::StatusOr<LiveBlock> LimitAdaptor::Reassign(BlockHandle handle, OwnerId owner) {
  absl::StatusOr<LiveBlock> block = upstream()->Reassign(handle, owner);
  if (!block.ok() || block->owner == owner) return block;
  if (const std::uint64_t limit = ExceededBy(owners_[owner], block->bytes); limit != 0) {
    upstream()->Reassign(handle, block->owner).IgnoreError();
    const AllocationRequest request{
        .bytes = block->requested, .stream = block->stream, .owner = owner};
    return OutOfMemoryError(*upstream(), request, "owner", limit);
  }
  owners_[block->owner].bytes -= block->bytes;
  owners_[owner].bytes += block->bytes;
  return block;
}

}  // namespace amdgpu
