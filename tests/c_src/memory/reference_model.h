// An independent account of what a memory resource gave out, checked at every step.

#ifndef AMDGPU_TESTS_C_SRC_MEMORY_REFERENCE_MODEL_H_
#define AMDGPU_TESTS_C_SRC_MEMORY_REFERENCE_MODEL_H_

#include <cstdint>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "c_src/memory/stream_clock.h"
#include "c_src/memory/types.h"

namespace amdgpu {

// Knows live blocks and, for every freed range, which work may still use it. Each call returns what
// is wrong with the event, or "". Slow and plain on purpose.
class ReferenceModel {
 public:
  explicit ReferenceModel(const StreamClocks* clocks) : clocks_(*clocks) {}

  void AddRegion(const Region& region) { regions_[region.offset] = region; }
  void RemoveRegion(std::uint64_t offset) { regions_.erase(offset); }

  std::string Allocate(const AllocationRequest& request, const Allocation& allocation) {
    const std::uint64_t begin = allocation.offset;
    const std::uint64_t end = begin + allocation.bytes;
    if (begin % kGranuleBytes != 0) return absl::StrCat("misaligned offset ", begin);
    if (allocation.bytes < request.bytes) return "shorter than asked";
    if (allocation.bytes - request.bytes > kGranuleBytes) return "wasteful";
    if (!Contained(begin, end)) return absl::StrCat("[", begin, ", ", end, ") is in no arena");
    const auto next = live_.lower_bound(begin);
    if (next != live_.end() && next->first < end) return "overlaps the next live block";
    if (next != live_.begin() && End(std::prev(next)->second) > begin) {
      return "overlaps the live block before";
    }
    std::string problem = CheckFences(request, allocation);
    if (!problem.empty()) return problem;
    const std::uint64_t requested = request.bytes == 0 ? 1 : request.bytes;
    live_[begin] = {allocation.handle, begin,         allocation.bytes,
                    requested,         request.owner, request.stream};
    return "";
  }

  std::string Deallocate(const LiveBlock& block, const std::vector<Fence>& fences) {
    const auto found = live_.find(block.offset);
    if (found == live_.end()) return absl::StrCat("no live block at ", block.offset);
    const LiveBlock& known = found->second;
    if (known.handle != block.handle || known.bytes != block.bytes || known.owner != block.owner ||
        known.stream != block.stream) {
      return "not what was allocated";
    }
    for (const Fence& fence : fences) used_.push_back({block.offset, End(block), fence});
    live_.erase(found);
    return "";
  }

  const std::map<std::uint64_t, LiveBlock>& live() const { return live_; }

  std::uint64_t live_bytes() const {
    std::uint64_t bytes = 0;
    for (const auto& [offset, block] : live_) bytes += block.bytes;
    return bytes;
  }

 private:
  struct Use {
    std::uint64_t begin;
    std::uint64_t end;
    Fence fence;
  };

  static std::uint64_t End(const LiveBlock& block) { return block.offset + block.bytes; }

  // Within regions that touch and are of one arena.
  bool Contained(std::uint64_t begin, std::uint64_t end) const {
    auto region = regions_.upper_bound(begin);
    if (region == regions_.begin()) return false;
    --region;
    const std::uint32_t arena = region->second.arena;
    std::uint64_t covered = begin;
    for (; region != regions_.end() && region->first <= covered; ++region) {
      if (region->second.arena != arena) return false;
      const std::uint64_t region_end = region->first + region->second.bytes;
      if (region_end <= covered) return false;
      covered = region_end;
      if (covered >= end) return true;
    }
    return false;
  }

  // Whatever still uses the memory is earlier work of the same stream, and is told.
  std::string CheckFences(const AllocationRequest& request, const Allocation& allocation) {
    std::erase_if(used_, [this](const Use& use) { return clocks_.Passed(use.fence); });
    for (const Use& use : used_) {
      if (use.end <= allocation.offset || use.begin >= allocation.offset + allocation.bytes) {
        continue;
      }
      if (use.fence.stream != request.stream) {
        return absl::StrCat("stream ", request.stream, " got memory that stream ", use.fence.stream,
                            " uses");
      }
      if (request.idle) return "memory that is not idle";
      if (allocation.pending.stream != use.fence.stream ||
          allocation.pending.ticket < use.fence.ticket) {
        return "the pending fence was not told";
      }
    }
    return "";
  }

  const StreamClocks& clocks_;
  std::map<std::uint64_t, Region> regions_;
  std::map<std::uint64_t, LiveBlock> live_;
  std::vector<Use> used_;
};

}  // namespace amdgpu

#endif  // AMDGPU_TESTS_C_SRC_MEMORY_REFERENCE_MODEL_H_
