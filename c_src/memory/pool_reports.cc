// The pool's regions, statistics and reports: everything that is not the way of a block.

#include <algorithm>
#include <limits>
#include <map>

#include "absl/strings/str_cat.h"
#include "c_src/memory/pool.h"

namespace amdgpu {
namespace {

absl::Status CheckRegion(const Region& region) {
  if (region.bytes == 0 || region.offset % kGranuleBytes != 0 ||
      region.bytes % kGranuleBytes != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("a region of ", region.bytes, " bytes at offset ", region.offset,
                     " is not one or more whole granules of ", kGranuleBytes, " bytes"));
  }
  if (region.offset > kMaxOffset || region.bytes > kMaxOffset - region.offset) {
    return absl::InvalidArgumentError(absl::StrCat("a region of ", region.bytes,
                                                   " bytes at offset ", region.offset,
                                                   " reaches beyond ", kMaxOffset));
  }
  return absl::OkStatus();
}

// Bytes from the block's range to `offset`; 0 inside.
std::uint64_t Gap(const LiveBlock& block, std::uint64_t offset) {
  if (offset < block.offset) return block.offset - offset;
  const std::uint64_t end = block.offset + block.bytes;
  return offset < end ? 0 : offset - end + 1;
}

}  // namespace

absl::Status Pool::AddRegion(const Region& region) {
  if (absl::Status status = CheckRegion(region); !status.ok()) return status;
  return tlsf_.AddRegion(GranulesOf(region.offset), GranulesOf(region.bytes), region.arena);
}

absl::Status Pool::RemoveRegion(std::uint64_t offset) {
  if (offset % kGranuleBytes != 0 || offset > kMaxOffset) {
    return absl::NotFoundError(absl::StrCat("no region was added at offset ", offset));
  }
  FlushCaches();
  Drain(kDrainAll);
  return tlsf_.RemoveRegion(GranulesOf(offset));
}

std::vector<Region> Pool::Regions() const { return tlsf_.Regions(); }

std::vector<Region> Pool::FreeRegions() {
  FlushCaches();
  Drain(kDrainAll);
  return tlsf_.FreeRegions();
}

PoolStats Pool::Stats() const {
  std::uint64_t cached = 0;
  std::uint64_t cached_blocks = 0;
  std::uint64_t largest_cached = 0;
  for (const StreamCache* cache : caches_) {
    cached += cache->granules();
    cached_blocks += cache->blocks();
    largest_cached = std::max<std::uint64_t>(largest_cached, cache->Largest());
  }
  PoolStats stats;
  stats.reserved = tlsf_.reserved() * kGranuleBytes;
  stats.used = (tlsf_.taken() - cached - waiting_granules_) * kGranuleBytes;
  stats.requested = stats.used - slack_;
  stats.live_blocks = tlsf_.taken_blocks() - cached_blocks - waiting_.size();
  stats.free = stats.reserved - stats.used;
  stats.cached = cached * kGranuleBytes;
  stats.fenced = (tlsf_.fenced() + waiting_granules_) * kGranuleBytes;
  stats.largest_free =
      std::max<std::uint64_t>(tlsf_.largest_free(), largest_cached) * kGranuleBytes;
  stats.pool_count = tlsf_.region_count();
  if (stats.free > 0) {
    stats.fragmentation_ratio = 1.0 - static_cast<double>(stats.largest_free) / stats.free;
  }
  return stats;
}

void Pool::ForEachLive(absl::FunctionRef<void(const LiveBlock&)> visit) const {
  for (NodeIndex index = kNoNode + 1; index < nodes_.size(); ++index) {
    const std::uint32_t tag = nodes_[index].tag;
    if ((tag & Node::kLive) != 0) visit(Describe(nodes_[index], HandleOf(index, tag)));
  }
}

std::optional<FoundBlock> Pool::FindAddress(std::uint64_t offset) const {
  std::optional<LiveBlock> nearest;
  ForEachLive([&](const LiveBlock& block) {
    if (!nearest || Gap(block, offset) < Gap(*nearest, offset)) nearest = block;
  });
  if (!nearest) return std::nullopt;
  return FoundBlock{*nearest, static_cast<std::int64_t>(offset - nearest->offset)};
}

std::vector<Fence> Pool::PendingFences() const {
  std::map<StreamId, Ticket> earliest;
  const auto note = [&](const Fence& fence) {
    if (fence.none() || clocks_.Passed(fence)) return;
    const auto [it, fresh] = earliest.try_emplace(fence.stream, fence.ticket);
    if (!fresh) it->second = std::min(it->second, fence.ticket);
  };
  for (const Fence& fence : tlsf_.PendingFences()) note(fence);
  for (const Waiting& waiting : waiting_) {
    for (const Fence& fence : waiting.fences) note(fence);
  }
  std::vector<Fence> fences;
  fences.reserve(earliest.size());
  for (const auto& [stream, ticket] : earliest) fences.push_back({stream, ticket});
  return fences;
}

}  // namespace amdgpu
