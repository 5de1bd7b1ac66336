// What gives out device memory: the pool, and adaptors around it that count, limit or log.
//
// Adaptors compose in any order: each is a MemoryResource, keeps a pointer to the one below (not
// owned; outlives the adaptor) and passes on what it does not care about. A stack is thread-safe
// under a ThreadSafeAdaptor and not without. None blocks: growing and waiting are the caller's
// (out_of_memory.h).

#ifndef AMDGPU_C_SRC_MEMORY_MEMORY_RESOURCE_H_
#define AMDGPU_C_SRC_MEMORY_MEMORY_RESOURCE_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "c_src/memory/types.h"

namespace amdgpu {

class MemoryResource {
 public:
  virtual ~MemoryResource() = default;

  // Errors:
  //   kUnavailable        the pool needs more memory: NeededBytes(status) tells how much. Add a
  //                       region of at least that, or let fences pass, and ask again.
  //   kResourceExhausted  over a limit (LimitAdaptor); carries an OutOfMemoryDetail.
  //   kInvalidArgument    a stream >= kMaxStreams, more than kMaxOffset bytes.
  virtual absl::StatusOr<Allocation> Allocate(const AllocationRequest& request) = 0;

  // Gives a block back. `fences`: the last work of every stream that uses it, in any order; those
  // that have passed, and Allocation::pending, may be left out. Returns what the block was.
  // kFailedPrecondition for a handle that is stale, freed already or not of this resource, and
  // nothing has changed; kInvalidArgument for a fence of a stream >= kMaxStreams.
  virtual absl::StatusOr<LiveBlock> Deallocate(BlockHandle handle,
                                               absl::Span<const Fence> fences) = 0;

  // Makes a live block another owner's; returns what it was. kFailedPrecondition as Deallocate,
  // kResourceExhausted if it would take the owner over a limit; nothing has changed then.
  virtual absl::StatusOr<LiveBlock> Reassign(BlockHandle handle, OwnerId owner) = 0;

  // More memory to divide. kInvalidArgument if it is empty, misaligned, beyond kMaxOffset or
  // overlaps a region.
  virtual absl::Status AddRegion(const Region& region) = 0;
  // Takes a region back, the one added at `offset`. kNotFound if there is none;
  // kFailedPrecondition if a part of it is live, or fenced by work that has not ended.
  virtual absl::Status RemoveRegion(std::uint64_t offset) = 0;
  // All regions, or only those that RemoveRegion would accept now, by offset.
  virtual std::vector<Region> Regions() const = 0;
  virtual std::vector<Region> FreeRegions() = 0;

  // Constant time in the number of blocks.
  virtual PoolStats Stats() const = 0;

  // The rest is for reports: linear in the number of blocks, and allocation waits meanwhile.
  // Calls `visit` for every live block, by no particular order; it must not call this resource.
  virtual void ForEachLive(absl::FunctionRef<void(const LiveBlock&)> visit) const = 0;
  // The live block that contains `offset` or is nearest to it; nullopt if there is no live block.
  virtual std::optional<FoundBlock> FindAddress(std::uint64_t offset) const = 0;
};

// Bytes of the region to add so that the request behind a kUnavailable status succeeds; nullopt for
// any other status.
std::optional<std::uint64_t> NeededBytes(const absl::Status& status);
// Makes such a status.
absl::Status NeedsBytesError(std::uint64_t bytes);

// What a block of `bytes` occupies: rounded up to granules, at least one. `bytes` <= kMaxOffset.
inline std::uint64_t RoundToGranules(std::uint64_t bytes) {
  if (bytes == 0) return kGranuleBytes;
  return (bytes + kGranuleBytes - 1) / kGranuleBytes * kGranuleBytes;
}

// Of `bytes` that are whole granules: how many.
inline std::uint32_t GranulesOf(std::uint64_t bytes) {
  return static_cast<std::uint32_t>(bytes / kGranuleBytes);
}

// A resource that passes everything on to `upstream`; adaptors override what they care about.
class Adaptor : public MemoryResource {
 public:
  explicit Adaptor(MemoryResource* upstream) : upstream_(upstream) {}

  absl::StatusOr<Allocation> Allocate(const AllocationRequest& request) override {
    return upstream_->Allocate(request);
  }
  absl::StatusOr<LiveBlock> Deallocate(BlockHandle handle,
                                       absl::Span<const Fence> fences) override {
    return upstream_->Deallocate(handle, fences);
  }
  absl::StatusOr<LiveBlock> Reassign(BlockHandle handle, OwnerId owner) override {
    return upstream_->Reassign(handle, owner);
  }
  absl::Status AddRegion(const Region& region) override { return upstream_->AddRegion(region); }
  absl::Status RemoveRegion(std::uint64_t offset) override {
    return upstream_->RemoveRegion(offset);
  }
  std::vector<Region> Regions() const override { return upstream_->Regions(); }
  std::vector<Region> FreeRegions() override { return upstream_->FreeRegions(); }
  PoolStats Stats() const override { return upstream_->Stats(); }
  void ForEachLive(absl::FunctionRef<void(const LiveBlock&)> visit) const override {
    upstream_->ForEachLive(visit);
  }
  std::optional<FoundBlock> FindAddress(std::uint64_t offset) const override {
    return upstream_->FindAddress(offset);
  }

 protected:
  MemoryResource* upstream() const { return upstream_; }

 private:
  MemoryResource* const upstream_;
};

}  // namespace amdgpu

#endif  // AMDGPU_C_SRC_MEMORY_MEMORY_RESOURCE_H_
