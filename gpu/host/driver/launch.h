// Launches: what may be launched, and the task that runs the blocks.

#ifndef AMDGPU_GPU_HOST_DRIVER_LAUNCH_H_
#define AMDGPU_GPU_HOST_DRIVER_LAUNCH_H_

#include <atomic>
#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "gpu/driver.h"
#include "gpu/host/driver/module.h"
#include "gpu/host/driver/task.h"

namespace amdgpu::host {

// grid * block must be less than this in each dimension.
inline constexpr std::uint64_t kMaxGridThreads = std::uint64_t{1} << 31;

// kInvalidArgument says what about the launch the kernel or the device does not take. `block_shape`
// is what the kernel's module is specialised on; 0 in x for any.
absl::Status CheckLaunch(const gpu::LaunchParams& launch, const gpu::KernelInfo& info,
                         const gpu::Dim3& block_shape);

// The task of a launch that CheckLaunch has passed. `in_flight` counts the module's launches: up
// now, down when the task goes. All references must outlive the task.
std::unique_ptr<Task> MakeLaunch(gpu::Ticket ticket, const gpu::LaunchParams& launch,
                                 Kernel& kernel, std::atomic<std::uint64_t>& in_flight,
                                 gpu::CompletionSink& sink);

}  // namespace amdgpu::host

#endif  // AMDGPU_GPU_HOST_DRIVER_LAUNCH_H_
