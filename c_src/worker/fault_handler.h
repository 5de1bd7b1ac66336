// Last words: what a worker writes into the segment before a fault or a timeout ends it.

#ifndef AMDGPU_C_SRC_WORKER_FAULT_HANDLER_H_
#define AMDGPU_C_SRC_WORKER_FAULT_HANDLER_H_

#include <cstdint>
#include <memory>

#include "c_src/runtime/protocol.h"

namespace amdgpu::worker {

// The launch that a thread is running, as its driver knows it.
struct LaunchIdentity {
  std::uint64_t ticket = 0;
  std::uint64_t function = 0;
  const char* message = "";  // why the kernel ends itself (a failed assert); may be empty
};

// Fills in what the calling thread runs; false if it runs none. Async-signal-safe.
using CurrentLaunchHook = bool (*)(LaunchIdentity*);

// From now on a fatal signal in any thread writes `record` (once, the first fault wins) and then
// ends the process by that same signal. `hook` may be null. Threads that run kernels need an
// AlternateStack for stack overflows to be reported.
void InstallFaultHandler(protocol::FaultRecord* record, CurrentLaunchHook hook);

// Writes `record` unless a fault has been recorded already. Async-signal-safe.
void RecordFault(protocol::FaultRecord& record, protocol::FaultKind kind, int signal,
                 std::uint64_t address, const LaunchIdentity& launch, const char* message);

// Gives the calling thread a stack for signal handlers, until destroyed by the same thread.
class AlternateStack {
 public:
  AlternateStack();
  ~AlternateStack();
  AlternateStack(const AlternateStack&) = delete;
  AlternateStack& operator=(const AlternateStack&) = delete;

 private:
  std::unique_ptr<char[]> memory_;
};

}  // namespace amdgpu::worker

#endif  // AMDGPU_C_SRC_WORKER_FAULT_HANDLER_H_
