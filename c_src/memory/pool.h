// The memory pool: divides regions of device memory into blocks in tens of nanoseconds.
//
// Freed memory is reused in stream order: at once by the stream that used it last, because its work
// runs in order anyway, and by others when that work has ended. A block lies in one of four places:
//   - live: somebody holds its handle;
//   - the cache of a stream: blocks of up to 1 MiB;
//   - Tlsf (tlsf.h): free for everyone, or for one stream until its fence has passed;
//   - waiting: several streams still use it; nobody may have it yet.

#ifndef AMDGPU_C_SRC_MEMORY_POOL_H_
#define AMDGPU_C_SRC_MEMORY_POOL_H_

#include <array>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "c_src/memory/memory_resource.h"
#include "c_src/memory/node_table.h"
#include "c_src/memory/stream_cache.h"
#include "c_src/memory/stream_clock.h"
#include "c_src/memory/tlsf.h"
#include "c_src/memory/types.h"

namespace amdgpu {

struct PoolOptions {
  // What the cache of each stream may hold; 0 switches caches off.
  std::uint64_t cache_bytes = 32 << 20;
};

// Never blocks.
//
// When there is no room, Allocate gives all caches back, takes in what has passed its fences, tries
// again, and then returns kUnavailable (see MemoryResource).
class Pool final : public MemoryResource {
 public:
  // `clocks` is not owned and outlives the pool.
  explicit Pool(const StreamClocks* clocks, const PoolOptions& options = {});
  ~Pool() override;

  absl::StatusOr<Allocation> Allocate(const AllocationRequest& request) override;
  absl::StatusOr<LiveBlock> Deallocate(BlockHandle handle, absl::Span<const Fence> fences) override;
  absl::StatusOr<LiveBlock> Reassign(BlockHandle handle, OwnerId owner) override;
  absl::Status AddRegion(const Region& region) override;
  absl::Status RemoveRegion(std::uint64_t offset) override;
  std::vector<Region> Regions() const override;
  std::vector<Region> FreeRegions() override;
  PoolStats Stats() const override;
  void ForEachLive(absl::FunctionRef<void(const LiveBlock&)> visit) const override;
  std::optional<FoundBlock> FindAddress(std::uint64_t offset) const override;

  // The earliest fences that hold free memory back, one per stream at most: what a caller that may
  // wait can wait for.
  std::vector<Fence> PendingFences() const;

 private:
  struct Waiting {
    NodeIndex node;
    absl::InlinedVector<Fence, 4> fences;
  };

  // The first of its stream that can be cached when it is freed.
  absl::StatusOr<Allocation> AllocateFirst(const AllocationRequest& request,
                                           std::uint32_t granules);
  // From the stream's cache, where what fits is perhaps still in use.
  absl::StatusOr<Allocation> AllocateHeld(const AllocationRequest& request, std::uint32_t granules);
  // From Tlsf.
  absl::StatusOr<Allocation> AllocateShared(const AllocationRequest& request,
                                            std::uint32_t granules, std::uint32_t flags);
  // The same with all that may be tried before giving up.
  absl::StatusOr<Allocation> AllocateAny(const AllocationRequest& request, std::uint32_t granules,
                                         std::uint32_t flags);
  static absl::StatusOr<Allocation> Refuse(const AllocationRequest& request);
  absl::Status NoRoom(std::uint32_t granules) const;
  absl::StatusOr<LiveBlock> DeallocateUsed(BlockHandle handle, absl::Span<const Fence> fences);
  // Makes a block live, and counts it.
  absl::StatusOr<Allocation> GiveOut(NodeIndex index, const AllocationRequest& request,
                                     const Fence& pending, std::uint32_t flags);
  // The node of a live block; null for a handle of none.
  Node* Find(BlockHandle handle) const;
  // None once it has passed.
  Fence PendingOf(StreamId stream, Ticket ticket) const;
  // Frees a block that nobody holds any more, for whom its uses allow.
  void Free(NodeIndex index, Node& node, absl::Span<const Fence> fences);

  bool IsCacheable(std::uint32_t granules) const {
    return granules <= StreamCache::kMaxGranules && cache_granules_ != 0;
  }

  void FlushCaches();
  static constexpr int kDrainAll = std::numeric_limits<int>::max();

  // Frees what has passed its fences: at most `budget` blocks of each stream, and of waiting_.
  void Drain(int budget) {
    if (tlsf_.fenced() != 0) tlsf_.Drain(clocks_, budget);
    if (!waiting_.empty()) DrainWaiting(budget);
  }
  void DrainWaiting(int budget);

  const StreamClocks& clocks_;
  const std::uint32_t cache_granules_;  // per stream

  NodeTable nodes_;
  Tlsf tlsf_;
  std::uint64_t slack_ = 0;  // bytes of live blocks beyond those requested
  std::vector<Waiting> waiting_;
  std::size_t next_waiting_ = 0;  // to be looked at
  std::uint64_t waiting_granules_ = 0;
  std::array<std::unique_ptr<StreamCache>, kMaxStreams> cache_of_;
  std::vector<StreamCache*> caches_;  // those of cache_of_
};

}  // namespace amdgpu

#endif  // AMDGPU_C_SRC_MEMORY_POOL_H_
