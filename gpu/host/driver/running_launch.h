// Which launch a thread is running: for the worker's fault handler.

#ifndef AMDGPU_GPU_HOST_DRIVER_RUNNING_LAUNCH_H_
#define AMDGPU_GPU_HOST_DRIVER_RUNNING_LAUNCH_H_

#include <cstdint>

#include "gpu/driver.h"

namespace amdgpu::host {

class PrintStream;

struct RunningLaunch {
  gpu::Ticket ticket = 0;
  gpu::FunctionHandle function = 0;
  // The blocks being run: [first_block, last_block) in x-fastest order.
  std::uint32_t first_block = 0;
  std::uint32_t last_block = 0;
  PrintStream* print = nullptr;
  // Why the kernel ended itself (the text of a failed assert); empty if it did not say.
  char message[512];

  RunningLaunch() { message[0] = '\0'; }
};

// What the calling thread is running, or null. Async-signal-safe: a fault handler on the faulting
// thread may read it.
const RunningLaunch* CurrentLaunch();

// Marks what the calling thread runs; null when it has ended. For the scheduler.
void SetCurrentLaunch(RunningLaunch* launch);

// The same, to write to. For device_print.
RunningLaunch* MutableCurrentLaunch();

}  // namespace amdgpu::host

#endif  // AMDGPU_GPU_HOST_DRIVER_RUNNING_LAUNCH_H_
