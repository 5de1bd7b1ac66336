// What is measured: a memory resource, or malloc beside it.

#ifndef AMDGPU_BENCH_POOL_SUBJECTS_H_
#define AMDGPU_BENCH_POOL_SUBJECTS_H_

#include <cstdint>
#include <cstdlib>
#include <vector>

#include "c_src/memory/memory_resource.h"
#include "c_src/memory/stream_clock.h"

namespace amdgpu::bench {

// Blocks by slot number, over a resource. Frees carry no fences unless `lag` is set: then the
// device is that many frees behind, and every block is free for its own stream only at first.
class ResourceSubject {
 public:
  ResourceSubject(MemoryResource* resource, StreamClocks* clocks, std::size_t slots,
                  StreamId stream = 0, Ticket lag = 0)
      : resource_(*resource), clocks_(*clocks), blocks_(slots), stream_(stream), lag_(lag) {}

  // False if memory is short.
  bool Allocate(std::uint32_t slot, std::uint64_t bytes) {
    const absl::StatusOr<Allocation> allocation =
        resource_.Allocate({.bytes = bytes, .stream = stream_, .owner = stream_});
    if (!allocation.ok()) return false;
    blocks_[slot] = allocation->handle;
    return true;
  }

  void Free(std::uint32_t slot) {
    if (lag_ == 0) {
      if (!resource_.Deallocate(blocks_[slot], {}).ok()) std::abort();
    } else {
      const Fence fence{stream_, ++ticket_};
      if (ticket_ > lag_) {
        clocks_[stream_].completed.store(ticket_ - lag_, std::memory_order_release);
      }
      if (!resource_.Deallocate(blocks_[slot], {&fence, 1}).ok()) std::abort();
    }
    blocks_[slot] = {};
  }

  void FreeAll() {
    for (std::uint32_t slot = 0; slot < blocks_.size(); ++slot) {
      if (blocks_[slot] != BlockHandle{}) Free(slot);
    }
    if (lag_ != 0) clocks_[stream_].completed.store(ticket_, std::memory_order_release);
  }

 private:
  MemoryResource& resource_;
  StreamClocks& clocks_;
  std::vector<BlockHandle> blocks_;
  const StreamId stream_;
  const Ticket lag_;
  Ticket ticket_ = 0;
};

class MallocSubject {
 public:
  explicit MallocSubject(std::size_t slots) : blocks_(slots) {}

  bool Allocate(std::uint32_t slot, std::uint64_t bytes) {
    blocks_[slot] = std::malloc(bytes);
    return blocks_[slot] != nullptr;
  }
  void Free(std::uint32_t slot) {
    std::free(blocks_[slot]);
    blocks_[slot] = nullptr;
  }
  void FreeAll() {
    for (std::uint32_t slot = 0; slot < blocks_.size(); ++slot) Free(slot);
  }

 private:
  std::vector<void*> blocks_;
};

}  // namespace amdgpu::bench

#endif  // AMDGPU_BENCH_POOL_SUBJECTS_H_
