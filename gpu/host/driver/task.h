// A piece of queued work that several threads may share.

#ifndef AMDGPU_GPU_HOST_DRIVER_TASK_H_
#define AMDGPU_GPU_HOST_DRIVER_TASK_H_

#include <cstdint>

#include "gpu/driver.h"

namespace amdgpu::host {

// Work of `units` equal parts (the blocks of a launch, the pieces of a copy), which run in any
// order and on any thread.
class Task {
 public:
  Task(gpu::Ticket ticket, std::uint64_t units) : ticket_(ticket), units_(units) {}
  virtual ~Task() = default;

  Task(const Task&) = delete;
  Task& operator=(const Task&) = delete;

  gpu::Ticket ticket() const { return ticket_; }
  std::uint64_t units() const { return units_; }

  // Runs units [first, last). Called concurrently for disjoint ranges.
  virtual void Run(std::uint64_t first, std::uint64_t last) = 0;

  // Called once, after the last Run and before the completion. `unit_ns` is the time that one unit
  // took on one thread.
  virtual void Finish(double unit_ns) = 0;

  // What one unit is expected to take; 0 if nothing is known.
  virtual double ExpectedUnitNs() const = 0;

  // Runs machine code of a kernel, which only a KernelThread may.
  virtual bool NeedsKernelThread() const = 0;

 private:
  const gpu::Ticket ticket_;
  const std::uint64_t units_;
};

}  // namespace amdgpu::host

#endif  // AMDGPU_GPU_HOST_DRIVER_TASK_H_
