// A block of the pool while somebody needs it: a buffer, or a view of what a buffer was.

#ifndef AMDGPU_C_SRC_RUNTIME_BLOCK_H_
#define AMDGPU_C_SRC_RUNTIME_BLOCK_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "absl/container/inlined_vector.h"
#include "c_src/memory/device_memory.h"
#include "c_src/runtime/slab.h"

namespace amdgpu {

// The last work of one stream that uses a block.
struct BlockUse {
  StreamId stream = 0;
  Ticket last = 0;
  Ticket last_write = 0;  // 0 = it only reads
};

// Gives itself back to the pool in the end: work that is queued then still runs, the memory is
// reused behind it. What changes is guarded by the command queue's mutex.
class Block {
 public:
  // `generation` is of the worker that has the memory now.
  Block(std::shared_ptr<DeviceMemory> memory, SlabRef slab, const Allocation& allocation,
        std::uint64_t generation)
      : memory_(std::move(memory)),
        slab_(std::move(slab)),
        allocation_(allocation),
        generation_(generation) {
    // Another's work may still be under way in this memory: the CPU has to wait for it.
    if (!allocation.pending.none()) {
      uses_.push_back(
          {allocation.pending.stream, allocation.pending.ticket, allocation.pending.ticket});
    }
  }

  ~Block() {
    absl::InlinedVector<Fence, 4> fences;
    for (const BlockUse& use : uses_) fences.push_back({use.stream, use.last});
    memory_->resource().Deallocate(allocation_.handle, fences).IgnoreError();
  }

  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;

  // From now on the block counts as another owner's; kResourceExhausted if its limit is in the way.
  absl::Status Reassign(OwnerId owner) {
    return memory_->resource().Reassign(allocation_.handle, owner).status();
  }

  std::uint64_t bytes() const { return allocation_.bytes; }
  gpu::DeviceAddress device_address() const {
    return slab_->device_address + (allocation_.offset - slab_->offset);
  }
  // Of the worker that had the memory when the block was made.
  std::uint64_t generation() const { return generation_; }
  // Of a host-visible device.
  std::byte* host() const { return slab_->mapping.data() + (allocation_.offset - slab_->offset); }

  void MarkUse(StreamId stream, Ticket ticket, bool write) {
    for (BlockUse& use : uses_) {
      if (use.stream != stream) continue;
      use.last = ticket;
      if (write) use.last_write = ticket;
      return;
    }
    uses_.push_back({stream, ticket, write ? ticket : 0});
  }
  const absl::InlinedVector<BlockUse, 2>& uses() const { return uses_; }

  // How many read-only views see this memory: while there are any it does not change.
  bool viewed() const { return views_.load(std::memory_order_acquire) != 0; }

 private:
  friend class BlockView;

  const std::shared_ptr<DeviceMemory> memory_;
  const SlabRef slab_;
  const Allocation allocation_;
  const std::uint64_t generation_;
  absl::InlinedVector<BlockUse, 2> uses_;
  std::atomic<int> views_{0};
};
using BlockRef = std::shared_ptr<Block>;

// Keeps a block, and keeps it as it is.
class BlockView {
 public:
  explicit BlockView(BlockRef block) : block_(std::move(block)) { ++block_->views_; }
  ~BlockView() { block_->views_.fetch_sub(1, std::memory_order_release); }
  BlockView(const BlockView&) = delete;
  BlockView& operator=(const BlockView&) = delete;

 private:
  const BlockRef block_;
};

}  // namespace amdgpu

#endif  // AMDGPU_C_SRC_RUNTIME_BLOCK_H_
