// The memory pool: divides regions of device memory into blocks in tens of nanoseconds.
//
// Freed memory is reused in stream order: at once by the stream that used it last, because its work
// runs in order anyway, and by others when that work has ended. A block lies in one of four places:
//   - live: somebody holds its handle;
//   - the cache of a stream: blocks of up to 1 MiB, under a lock of the stream's own;
//   - Tlsf (tlsf.h): free for everyone, or for one stream until its fence has passed;
//   - waiting: several streams still use it; nobody may have it yet.

#ifndef AMDGPU_C_SRC_MEMORY_POOL_H_
#define AMDGPU_C_SRC_MEMORY_POOL_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "c_src/memory/adaptive_mutex.h"
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

// Thread-safe; never blocks but for its short locks.
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

  absl::StatusOr<Allocation> AllocateShared(const AllocationRequest& request,
                                            std::uint32_t granules, std::uint32_t flags);
  // None once it has passed.
  Fence PendingOf(StreamId stream, Ticket ticket) const;
  // Frees a block that nobody holds, for whom its uses allow.
  void Free(NodeIndex index, absl::Span<const Fence> fences, const Fence& inherited)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  bool IsCacheable(std::uint32_t granules) const {
    return granules <= StreamCache::kMaxGranules && cache_granules_ != 0;
  }

  // The cache of `stream`, made if there was none.
  StreamCache& CacheOf(StreamId stream);
  StreamCache& MakeCache(StreamId stream);
  void FlushCaches() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Frees what has passed its fences: at most `budget` blocks of each stream, and of waiting_.
  void Drain(int budget) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void DrainWaiting(int budget) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const StreamClocks& clocks_;
  const std::uint32_t cache_granules_;  // per stream

  // Order: mutex_ before the mutex of a cache.
  mutable AdaptiveMutex mutex_;
  NodeTable nodes_;
  Tlsf tlsf_ ABSL_GUARDED_BY(mutex_);
  BlockCounters counters_ ABSL_GUARDED_BY(mutex_);
  std::vector<Waiting> waiting_ ABSL_GUARDED_BY(mutex_);
  std::size_t next_waiting_ ABSL_GUARDED_BY(mutex_) = 0;  // to be looked at
  std::uint64_t waiting_granules_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<std::unique_ptr<StreamCache>> caches_ ABSL_GUARDED_BY(mutex_);
  std::array<std::atomic<StreamCache*>, kMaxStreams> cache_of_{};
};

}  // namespace amdgpu

#endif  // AMDGPU_C_SRC_MEMORY_POOL_H_
