// The vocabulary of the memory pool: requests, blocks, fences, regions, statistics.
//
// The pool divides one space of byte offsets, up to 1 TiB, in granules of 256 bytes. What an offset
// means on a device (which slab, which device address) is the business of whoever added the
// regions.

#ifndef AMDGPU_C_SRC_MEMORY_TYPES_H_
#define AMDGPU_C_SRC_MEMORY_TYPES_H_

#include <cstdint>

namespace amdgpu {

// Every block starts at a multiple of this and is as long as a multiple of it, in bytes.
inline constexpr std::uint64_t kGranuleBytes = 256;
// One past the highest offset a region may reach.
inline constexpr std::uint64_t kMaxOffset = (std::uint64_t{1} << 40) - kGranuleBytes;
// Streams are numbered from 0 to kMaxStreams - 1.
inline constexpr std::uint32_t kMaxStreams = 1024;

using StreamId = std::uint32_t;
// Who answers for a block; opaque, chosen by the caller.
using OwnerId = std::uint64_t;
// Numbers the work of a stream, increasing; 0 is none.
using Ticket = std::uint64_t;

// A point in a stream: passed when the work `ticket` of `stream` has ended.
struct Fence {
  StreamId stream = 0;
  Ticket ticket = 0;

  bool none() const { return ticket == 0; }
  friend bool operator==(const Fence&, const Fence&) = default;
};

// Names a live block. A handle that was freed is stale for good, also when its memory is in use
// again (until the same node was reused 2^29 times).
struct BlockHandle {
  std::uint64_t value = 0;  // 0 is none

  friend bool operator==(const BlockHandle&, const BlockHandle&) = default;
};

struct AllocationRequest {
  std::uint64_t bytes = 0;  // 0 counts as 1
  // The stream whose work will use the block first.
  StreamId stream = 0;
  OwnerId owner = 0;
  // Only memory that no queued work uses: the CPU may touch it at once.
  bool idle = false;
};

struct Allocation {
  BlockHandle handle;
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;  // the block's; at least what was asked
  // If not none(), earlier work of the request's stream may still use the memory: later work of
  // that stream may use it now, anybody else (the CPU too) once the fence has passed.
  Fence pending;
};

// A block that is in use.
struct LiveBlock {
  BlockHandle handle;
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
  std::uint64_t requested = 0;  // bytes that were asked for
  OwnerId owner = 0;
  StreamId stream = 0;
};

// The live block that contains an offset or, if none does, the nearest by offset.
struct FoundBlock {
  LiveBlock block;
  // Of the offset from the block's first byte: negative before it, >= block.bytes after it.
  std::int64_t distance = 0;
};

// Memory that the pool may divide: [offset, offset + bytes), multiples of kGranuleBytes. Blocks may
// span two regions that touch and are of one arena (one mapping); never regions of two arenas.
struct Region {
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
  std::uint32_t arena = 0;

  friend bool operator==(const Region&, const Region&) = default;
};

// All in bytes, except counts and ratios.
struct PoolStats {
  std::uint64_t reserved = 0;      // in all regions
  std::uint64_t used = 0;          // in live blocks
  std::uint64_t requested = 0;     // that live blocks were asked for
  std::uint64_t live_blocks = 0;   // count
  std::uint64_t free = 0;          // not in live blocks: shared + fenced + cached
  std::uint64_t cached = 0;        // of free: kept for reuse in one stream
  std::uint64_t fenced = 0;        // of free: waits for streams to pass
  std::uint64_t largest_free = 0;  // the longest run of free memory usable by some stream now
  std::uint64_t pool_count = 0;    // regions
  // 1 - largest_free / free; 0 when nothing is free. 0 is one piece, near 1 is dust.
  double fragmentation_ratio = 0;
};

}  // namespace amdgpu

#endif  // AMDGPU_C_SRC_MEMORY_TYPES_H_
