// One lock around a stack of resources: what makes it fit for many threads.

#ifndef AMDGPU_C_SRC_MEMORY_THREAD_SAFE_ADAPTOR_H_
#define AMDGPU_C_SRC_MEMORY_THREAD_SAFE_ADAPTOR_H_

#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "c_src/memory/biased_mutex.h"
#include "c_src/memory/memory_resource.h"

namespace amdgpu {

// Stands on top of the stack. One lock for all of it costs the same however many adaptors lie
// below; locks of finer grain cost as much at every level. It leans towards the thread that uses it
// most.
//
// `Upstream` is a MemoryResource; a final class saves an indirect call.
template <typename Upstream>
class ThreadSafeAdaptor final : public MemoryResource {
 public:
  // `upstream` is not owned and outlives the adaptor; nobody else calls it without WithLock.
  explicit ThreadSafeAdaptor(Upstream* upstream) : upstream_(*upstream) {}

  absl::StatusOr<Allocation> Allocate(const AllocationRequest& request) override {
    BiasedLock lock(&mutex_);
    return upstream_.Allocate(request);
  }
  absl::StatusOr<LiveBlock> Deallocate(BlockHandle handle,
                                       absl::Span<const Fence> fences) override {
    BiasedLock lock(&mutex_);
    return upstream_.Deallocate(handle, fences);
  }
  absl::StatusOr<LiveBlock> Reassign(BlockHandle handle, OwnerId owner) override {
    BiasedLock lock(&mutex_);
    return upstream_.Reassign(handle, owner);
  }
  absl::Status AddRegion(const Region& region) override {
    BiasedLock lock(&mutex_);
    return upstream_.AddRegion(region);
  }
  absl::Status RemoveRegion(std::uint64_t offset) override {
    BiasedLock lock(&mutex_);
    return upstream_.RemoveRegion(offset);
  }
  std::vector<Region> Regions() const override {
    BiasedLock lock(&mutex_);
    return upstream_.Regions();
  }
  std::vector<Region> FreeRegions() override {
    BiasedLock lock(&mutex_);
    return upstream_.FreeRegions();
  }
  PoolStats Stats() const override {
    BiasedLock lock(&mutex_);
    return upstream_.Stats();
  }
  void ForEachLive(absl::FunctionRef<void(const LiveBlock&)> visit) const override {
    BiasedLock lock(&mutex_);
    upstream_.ForEachLive(visit);
  }
  std::optional<FoundBlock> FindAddress(std::uint64_t offset) const override {
    BiasedLock lock(&mutex_);
    return upstream_.FindAddress(offset);
  }

  // Calls `function` under the lock: for what the stack below has beside a resource's functions.
  template <typename Function>
  auto WithLock(Function function) const {
    BiasedLock lock(&mutex_);
    return function();
  }

 private:
  Upstream& upstream_;
  mutable BiasedMutex mutex_;
};

}  // namespace amdgpu

#endif  // AMDGPU_C_SRC_MEMORY_THREAD_SAFE_ADAPTOR_H_
