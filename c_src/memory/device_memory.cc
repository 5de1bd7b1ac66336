#include "c_src/memory/device_memory.h"

namespace amdgpu {

DeviceMemory::DeviceMemory(const Options& options)
    : pool_(&clocks_, options.pool),
      limits_(&pool_, options.device_limit),
      statistics_(&limits_),
      log_(&statistics_, &clocks_) {
  limits_.SetDefaultOwnerLimit(options.default_owner_limit);
}

}  // namespace amdgpu
