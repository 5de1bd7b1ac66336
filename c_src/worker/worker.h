// A worker process: one device, served until the client goes away.

#ifndef AMDGPU_C_SRC_WORKER_WORKER_H_
#define AMDGPU_C_SRC_WORKER_WORKER_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "c_src/worker/fault_handler.h"
#include "gpu/driver.h"

namespace amdgpu::worker {

// What the client asked for, from the command line.
struct DriverRequest {
  std::string kind;  // "host", "hip" or "cuda"
  std::uint32_t index = 0;
  std::uint32_t threads = 0;  // of the host device; 0 = one per core
  int arena_fd = -1;          // host-visible device memory, of the host device
  std::uint64_t arena_bytes = 0;
  // The staging arena, which the client's bytes go through. Stays mapped.
  std::byte* staging = nullptr;
  std::uint64_t staging_bytes = 0;
};

// How a worker comes by its driver.
struct DriverFactory {
  // Makes every thread the driver will ever need: later the sandbox allows none. `sink` outlives
  // the driver.
  std::function<absl::StatusOr<std::unique_ptr<gpu::Driver>>(const DriverRequest&,
                                                             gpu::CompletionSink& sink)>
      make;
  // For the fault handler; may be null.
  CurrentLaunchHook current_launch = nullptr;
  // Runs `body`, which never returns, on a new thread that is fit for kernels. Empty: a plain
  // thread with an AlternateStack.
  std::function<absl::Status(const std::string& name, std::function<void()> body)> start_thread;
};

// Serves on the descriptors of protocol.h and never returns: ends the process with 0 when the
// client has closed the control socket, 1 when it could not start, kTimeoutExit when a launch ran
// out of time, kFaultExit when the device reported a fault that nothing works after.
inline constexpr int kTimeoutExit = 124;
inline constexpr int kFaultExit = 125;
[[noreturn]] void WorkerMain(int argc, char** argv, const DriverFactory& factory);

}  // namespace amdgpu::worker

#endif  // AMDGPU_C_SRC_WORKER_WORKER_H_
