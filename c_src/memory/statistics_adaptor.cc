#include "c_src/memory/statistics_adaptor.h"

#include <algorithm>

namespace amdgpu {

void StatisticsAdaptor::OwnerCounters::Add(std::uint64_t block_bytes,
                                           std::uint64_t requested_bytes) {
  if (empty()) *this = {};  // nothing is left of the owner's former life
  bytes += block_bytes;
  requested += requested_bytes;
  blocks += 1;
  peak_bytes = std::max(peak_bytes, bytes);
}

void StatisticsAdaptor::OwnerCounters::Subtract(const LiveBlock& block) {
  bytes -= block.bytes;
  requested -= block.requested;
  blocks -= 1;
}

absl::StatusOr<Allocation> StatisticsAdaptor::Allocate(const AllocationRequest& request) {
  absl::StatusOr<Allocation> allocation = upstream()->Allocate(request);
  if (!allocation.ok()) {
    ++usage_.failures;
    return allocation;
  }
  const std::uint64_t bytes = allocation->bytes;
  const std::uint64_t requested = std::max<std::uint64_t>(request.bytes, 1);
  usage_.bytes += bytes;
  usage_.requested += requested;
  usage_.blocks += 1;
  usage_.peak_bytes = std::max(usage_.peak_bytes, usage_.bytes);
  usage_.total_bytes += bytes;
  usage_.total_blocks += 1;
  owners_[request.owner].Add(bytes, requested);
  return allocation;
}

absl::StatusOr<LiveBlock> StatisticsAdaptor::Deallocate(BlockHandle handle,
                                                        absl::Span<const Fence> fences) {
  absl::StatusOr<LiveBlock> block = upstream()->Deallocate(handle, fences);
  if (!block.ok()) return block;
  usage_.bytes -= block->bytes;
  usage_.requested -= block->requested;
  usage_.blocks -= 1;
  owners_[block->owner].Subtract(*block);
  return block;
}

absl::StatusOr<LiveBlock> StatisticsAdaptor::Reassign(BlockHandle handle, OwnerId owner) {
  absl::StatusOr<LiveBlock> block = upstream()->Reassign(handle, owner);
  if (!block.ok()) return block;
  owners_[block->owner].Subtract(*block);
  owners_[owner].Add(block->bytes, block->requested);
  return block;
}

std::vector<OwnerUsage> StatisticsAdaptor::ByOwner() const {
  std::vector<OwnerUsage> owners;
  owners_.ForEach([&](OwnerId owner, const OwnerCounters& counters) {
    owners.push_back(
        {owner, counters.bytes, counters.requested, counters.blocks, counters.peak_bytes});
  });
  std::sort(owners.begin(), owners.end(), [](const OwnerUsage& a, const OwnerUsage& b) {
    return a.bytes != b.bytes ? a.bytes > b.bytes : a.owner < b.owner;
  });
  return owners;
}

void StatisticsAdaptor::ResetPeak() { usage_.peak_bytes = usage_.bytes; }

}  // namespace amdgpu
