#include "c_src/memory/statistics_adaptor.h"

#include <algorithm>

namespace amdgpu {

absl::StatusOr<Allocation> StatisticsAdaptor::Allocate(const AllocationRequest& request) {
  absl::StatusOr<Allocation> allocation = upstream()->Allocate(request);
  if (!allocation.ok()) {
    failures_.fetch_add(1, std::memory_order_relaxed);
    return allocation;
  }
  const std::uint64_t bytes = allocation->bytes;
  const std::uint64_t live = bytes_.fetch_add(bytes, std::memory_order_relaxed) + bytes;
  std::uint64_t peak = peak_bytes_.load(std::memory_order_relaxed);
  while (live > peak && !peak_bytes_.compare_exchange_weak(peak, live, std::memory_order_relaxed)) {
  }
  owners_.Apply(request.owner, [&](OwnerCounters& counters, Totals& totals) {
    totals.bytes += bytes;
    totals.blocks += 1;
    if (counters.empty()) counters = {};  // nothing is left of the owner's former life
    counters.bytes += bytes;
    counters.requested += std::max<std::uint64_t>(request.bytes, 1);
    counters.blocks += 1;
    counters.peak_bytes = std::max(counters.peak_bytes, counters.bytes);
  });
  return allocation;
}

absl::StatusOr<LiveBlock> StatisticsAdaptor::Deallocate(BlockHandle handle,
                                                        absl::Span<const Fence> fences) {
  absl::StatusOr<LiveBlock> block = upstream()->Deallocate(handle, fences);
  if (!block.ok()) return block;
  bytes_.fetch_sub(block->bytes, std::memory_order_relaxed);
  owners_.Apply(block->owner, [&](OwnerCounters& counters, Totals&) {
    counters.bytes -= block->bytes;
    counters.requested -= block->requested;
    counters.blocks -= 1;
  });
  return block;
}

MemoryUsage StatisticsAdaptor::Usage() const {
  MemoryUsage usage;
  owners_.ForEach([&](OwnerId, const OwnerCounters& counters) {
    usage.bytes += counters.bytes;
    usage.requested += counters.requested;
    usage.blocks += counters.blocks;
  });
  usage.peak_bytes = peak_bytes_.load(std::memory_order_relaxed);
  owners_.ForEachTotals([&](const Totals& totals) {
    usage.total_bytes += totals.bytes;
    usage.total_blocks += totals.blocks;
  });
  usage.failures = failures_.load(std::memory_order_relaxed);
  return usage;
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

void StatisticsAdaptor::ResetPeak() {
  peak_bytes_.store(bytes_.load(std::memory_order_relaxed), std::memory_order_relaxed);
}

}  // namespace amdgpu
