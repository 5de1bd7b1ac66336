// A device's memory as the runtime holds it: the pool and its adaptors, stacked.

#ifndef AMDGPU_C_SRC_MEMORY_DEVICE_MEMORY_H_
#define AMDGPU_C_SRC_MEMORY_DEVICE_MEMORY_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "c_src/memory/limit_adaptor.h"
#include "c_src/memory/log_adaptor.h"
#include "c_src/memory/memory_resource.h"
#include "c_src/memory/out_of_memory.h"
#include "c_src/memory/pool.h"
#include "c_src/memory/statistics_adaptor.h"
#include "c_src/memory/stream_clock.h"

namespace amdgpu {

// From the top: log, statistics, limits, pool. Thread-safe. Starts with no memory at all:
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

  // The top of the stack: use it for everything a MemoryResource does.
  MemoryResource& resource() { return log_; }
  const MemoryResource& resource() const { return log_; }

  absl::StatusOr<Allocation> AllocateOrMakeRoom(const AllocationRequest& request,
                                                MakeRoom make_room) {
    return amdgpu::AllocateOrMakeRoom(log_, request, make_room);
  }

  // The runtime writes these as streams get on.
  StreamClocks& clocks() { return clocks_; }
  Pool& pool() { return pool_; }
  LimitAdaptor& limits() { return limits_; }
  StatisticsAdaptor& statistics() { return statistics_; }
  LogAdaptor& log() { return log_; }

 private:
  StreamClocks clocks_;
  Pool pool_;
  LimitAdaptor limits_;
  StatisticsAdaptor statistics_;
  LogAdaptor log_;
};

}  // namespace amdgpu

#endif  // AMDGPU_C_SRC_MEMORY_DEVICE_MEMORY_H_
