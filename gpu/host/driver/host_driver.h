// The CPU of this machine as a gpu::Driver: kernels are machine code in this process, device memory
// is the shared arena, and a pool of threads, one per core, runs the blocks.
//
// Everything that needs the file system happens in Create, so that the process can be locked down
// after it. From then on the driver maps and protects anonymous memory and pieces of the arena, and
// its threads sleep on futexes; it opens nothing and starts no thread.
//
// A fault in a kernel is a signal on the thread that runs it. The worker installs the handlers;
// kernel_thread.h and running_launch.h tell it what the thread was doing.

#ifndef AMDGPU_GPU_HOST_DRIVER_HOST_DRIVER_H_
#define AMDGPU_GPU_HOST_DRIVER_HOST_DRIVER_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "gpu/driver.h"
#include "gpu/host/driver/arena.h"
#include "gpu/host/driver/code_space.h"
#include "gpu/host/driver/module.h"
#include "gpu/host/driver/runtime_table.h"
#include "gpu/host/driver/scheduler.h"

namespace amdgpu::host {

struct HostDriverOptions {
  int arena_fd = -1;              // a memfd; stays open while the driver lives, closed by its owner
  std::uint64_t arena_bytes = 0;  // its size
  unsigned threads = 0;           // that run a kernel; 0 = one per core
};

// Launches made from a KernelThread may run on it (small ones of idle streams do, and have
// completed when Launch returns); those from any other thread always run on the pool.
class HostDriver final : public gpu::Driver {
 public:
  // `sink` must outlive the driver.
  static absl::StatusOr<std::unique_ptr<HostDriver>> Create(const HostDriverOptions& options,
                                                            gpu::CompletionSink& sink);
  // Queued work that has not ended completes as cancelled; blocks that run are waited for.
  ~HostDriver() override;

  const gpu::Properties& properties() const override { return properties_; }
  absl::StatusOr<gpu::DeviceAddress> Reserve(std::uint64_t bytes,
                                             std::uint64_t arena_offset) override;
  absl::Status Release(gpu::DeviceAddress address) override;
  absl::StatusOr<gpu::Module> Load(absl::Span<const std::byte> code_object,
                                   gpu::ModuleHandle variant_of) override;
  absl::Status Unload(gpu::ModuleHandle module) override;
  absl::StatusOr<gpu::Global> FindGlobal(gpu::ModuleHandle module, absl::string_view name) override;
  absl::StatusOr<gpu::FunctionInfo> Describe(gpu::FunctionHandle function) override;
  // A core runs one block at a time, and all of its threads.
  absl::StatusOr<gpu::Occupancy> OccupancyOf(gpu::FunctionHandle function,
                                             std::uint32_t block_threads,
                                             std::uint32_t dynamic_shared_bytes) override;
  absl::Status CreateStream(gpu::StreamId stream) override;
  absl::Status DestroyStream(gpu::StreamId stream) override;
  absl::Status Launch(gpu::StreamId stream, gpu::Ticket ticket,
                      const gpu::LaunchParams& launch) override;
  absl::Status Copy(gpu::StreamId stream, gpu::Ticket ticket, gpu::DeviceAddress destination,
                    gpu::DeviceAddress source, std::uint64_t bytes) override;
  absl::Status CopyIn(gpu::StreamId stream, gpu::Ticket ticket, gpu::DeviceAddress destination,
                      const void* source, std::uint64_t bytes) override;
  absl::Status CopyOut(gpu::StreamId stream, gpu::Ticket ticket, void* destination,
                       gpu::DeviceAddress source, std::uint64_t bytes) override;
  absl::Status Fill(gpu::StreamId stream, gpu::Ticket ticket, gpu::DeviceAddress destination,
                    std::uint64_t pattern, std::uint32_t pattern_bytes,
                    std::uint64_t bytes) override;
  absl::Status Marker(gpu::StreamId stream, gpu::Ticket ticket) override;
  absl::Status Record(gpu::StreamId stream, gpu::EventId event) override;
  absl::Status Wait(gpu::StreamId stream, gpu::EventId event) override;
  absl::StatusOr<bool> Query(gpu::EventId event) override;
  absl::Status DestroyEvent(gpu::EventId event) override;
  absl::Status Synchronize(gpu::StreamId stream) override;
  // Always none: a fault ends the process.
  std::optional<gpu::Fault> LastFault() const override { return std::nullopt; }

 private:
  struct ModuleEntry {
    std::unique_ptr<HostModule> module;
    ModuleEntry* base = nullptr;
    std::uint32_t variants = 0;                // guarded by mutex_
    std::atomic<std::uint64_t> in_flight = 0;  // launches
  };
  struct FunctionEntry {
    Kernel* kernel = nullptr;
    ModuleEntry* module = nullptr;
  };

  HostDriver(const HostDriverOptions& options, gpu::CompletionSink& sink, RuntimeTable runtime,
             gpu::Properties properties, std::unique_ptr<CodeSpace> space);

  // [address, address + bytes) is device memory: a slab's or a variable's.
  absl::Status CheckRange(gpu::DeviceAddress address, std::uint64_t bytes, bool for_writing);

  gpu::CompletionSink& sink_;
  const RuntimeTable runtime_;
  const gpu::Properties properties_;
  const std::unique_ptr<CodeSpace> space_;
  Arena arena_;

  std::mutex mutex_;
  std::uint64_t next_handle_ ABSL_GUARDED_BY(mutex_) = 1;
  absl::flat_hash_map<gpu::ModuleHandle, std::unique_ptr<ModuleEntry>> modules_
      ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<gpu::FunctionHandle, FunctionEntry> functions_ ABSL_GUARDED_BY(mutex_);

  // Last, so that no thread runs when the rest goes.
  std::unique_ptr<Scheduler> scheduler_;
};

}  // namespace amdgpu::host

#endif  // AMDGPU_GPU_HOST_DRIVER_HOST_DRIVER_H_
