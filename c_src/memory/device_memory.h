// A device's memory as the runtime holds it: the pool and its adaptors, stacked.

#ifndef AMDGPU_C_SRC_MEMORY_DEVICE_MEMORY_H_
#define AMDGPU_C_SRC_MEMORY_DEVICE_MEMORY_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "c_src/memory/limit_adaptor.h"
#include "c_src/memory/log_adaptor.h"
#include "c_src/memory/memory_resource.h"
#include "c_src/memory/out_of_memory.h"
#include "c_src/memory/pool.h"
#include "c_src/memory/statistics_adaptor.h"
#include "c_src/memory/stream_clock.h"
#include "c_src/memory/thread_safe_adaptor.h"

namespace amdgpu {

// From the top: a lock, log, statistics, limits, pool. Thread-safe. Starts with no memory at all:
//
//   DeviceMemory memory({.device_limit = 8 << 30});
//   auto block = memory.resource().Allocate(request);      // never blocks
//   if (std::optional<uint64_t> needed = NeededBytes(block.status())) {
//     ... off the scheduler: reserve a slab of max(*needed, slab size) ...
//     memory.resource().AddRegion({.offset = ..., .bytes = ..., .arena = ...});
//     block = memory.resource().Allocate(request);
//   }
//
// or, on a thread that may wait, both in one: memory.AllocateOrMakeRoom(request, hook).
class DeviceMemory {
 public:
  struct Options {
    std::uint64_t device_limit = 0;         // bytes; 0 is none
    std::uint64_t default_owner_limit = 0;  // bytes; 0 is none
    PoolOptions pool = {};
  };

  explicit DeviceMemory(const Options& options);

  // The top of the stack: everything a MemoryResource does.
  MemoryResource& resource() { return top_; }
  const MemoryResource& resource() const { return top_; }

  absl::StatusOr<Allocation> AllocateOrMakeRoom(const AllocationRequest& request,
                                                MakeRoom make_room) {
    return amdgpu::AllocateOrMakeRoom(top_, request, make_room);
  }

  // The runtime writes these as streams get on.
  StreamClocks& clocks() { return clocks_; }

  // As the functions of the same names of Pool and of the adaptors.
  std::vector<Fence> PendingFences() const;
  MemoryUsage Usage() const;
  std::vector<OwnerUsage> ByOwner() const;
  void ResetPeak();
  void SetDeviceLimit(std::uint64_t bytes);
  void SetOwnerLimit(OwnerId owner, std::uint64_t bytes);
  void SetDefaultOwnerLimit(std::uint64_t bytes);
  absl::Status StartLog(const std::string& path);
  absl::Status StartLog(LogAdaptor::Callback callback);
  absl::Status StopLog();

 private:
  StreamClocks clocks_;
  Pool pool_;
  LimitAdaptor limits_;
  StatisticsAdaptor statistics_;
  LogAdaptor log_;
  ThreadSafeAdaptor<LogAdaptor> top_;
};

}  // namespace amdgpu

#endif  // AMDGPU_C_SRC_MEMORY_DEVICE_MEMORY_H_
