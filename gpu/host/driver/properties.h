// What the CPU of this machine is as a device.

#ifndef AMDGPU_GPU_HOST_DRIVER_PROPERTIES_H_
#define AMDGPU_GPU_HOST_DRIVER_PROPERTIES_H_

#include <cstdint>
#include <string>

#include "gpu/types.h"

namespace amdgpu::host {

// Cores that this process may run on; at least 1.
unsigned UsableCores();

// Reads files under /proc and /sys: to be called before the process gives up opening files.
gpu::Properties DescribeHost(unsigned cores, std::uint64_t memory_bytes);

// The "model name" in the text of /proc/cpuinfo; empty if it has none.
std::string ModelName(const std::string& cpuinfo);

}  // namespace amdgpu::host

#endif  // AMDGPU_GPU_HOST_DRIVER_PROPERTIES_H_
