// THE seam: what a device must be able to do, and nothing else.
//
// A driver lives in a worker process and is the only code that touches its device. The host driver
// (gpu/host/driver) and the vendor driver (gpu/vendor) implement it; tests/gpu/driver_contract.h is
// the suite that each of them passes.
//
// Work is asynchronous and ordered within a stream: a launch, copy or fill returns once it is
// queued, and the driver tells the CompletionSink when it has ended. Streams run concurrently. All
// calls may be made from any thread, except that calls on one stream are made by one thread at a
// time.
//
// Errors of a call (a bad handle, no memory) are its status. Errors of queued work are reported by
// its completion. A fault that ends the process (a bad address on the host device) is written to
// the segment's FaultRecord by the worker; one that the vendor reports is LastFault().

#ifndef AMDGPU_GPU_DRIVER_H_
#define AMDGPU_GPU_DRIVER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "gpu/types.h"

namespace amdgpu::gpu {

// Names a piece of queued work in its completion. Chosen by the caller, increasing.
using Ticket = std::uint64_t;

// How queued work ended.
struct Completion {
  Ticket ticket = 0;
  absl::StatusCode status = absl::StatusCode::kOk;
  std::uint64_t started_ns = 0;  // amdgpu::NowNs() clock
  std::uint64_t ended_ns = 0;
};

// A fault that the device reported and the process survived. After a sticky one no further work
// succeeds and the worker must be replaced.
struct Fault {
  std::string message;
  Ticket ticket = 0;  // of the launch that caused it; 0 if that cannot be told
  DeviceAddress address = 0;
  bool sticky = false;
};

// Receives completions, from any thread of the driver, in stream order within a stream. Must be
// quick and must not call the driver.
class CompletionSink {
 public:
  virtual ~CompletionSink() = default;
  // `ticket` begins to run now. For watching over it; may be called late or, for work that the
  // device starts by itself, not at all.
  virtual void OnStart(Ticket ticket, std::uint64_t started_ns) = 0;
  virtual void OnComplete(const Completion& completion) = 0;
  // Text that a kernel printed, before the completion of its launch.
  virtual void OnPrint(Ticket ticket, absl::string_view text) = 0;
  // The device reported a fault; before the completions of the work that it ended. Need not return
  // from a sticky one. Drivers whose faults end the process never call it.
  virtual void OnFault(const Fault& /*fault*/) {}
};

struct LaunchParams {
  FunctionHandle function = 0;
  Dim3 grid;
  Dim3 block;
  std::uint32_t dynamic_shared_bytes = 0;
  // The argument block, laid out by the kernel's KernelInfo. Copied by the call.
  absl::Span<const std::byte> args;
  // Somebody minds how long it runs: OnStart is called when it begins, not earlier.
  bool watched = false;
};

// A kernel of a loaded module.
struct Function {
  FunctionHandle handle = 0;
  KernelInfo info;
};

struct Module {
  ModuleHandle handle = 0;
  std::vector<Function> functions;
};

struct Global {
  DeviceAddress address = 0;
  std::uint64_t bytes = 0;
};

// What a kernel needs of the device, as far as the driver knows it; 0 otherwise.
struct FunctionInfo {
  std::uint32_t registers = 0;              // of each thread
  std::uint32_t static_shared_bytes = 0;    // per block
  std::uint32_t local_bytes = 0;            // of each thread: spilled registers and arrays
  std::uint32_t max_threads_per_block = 0;  // with these registers
};

// How much of the device a kernel can keep busy.
struct Occupancy {
  std::uint32_t blocks_per_unit = 0;          // at once, on one compute unit
  double ratio = 0;                           // threads running at once / most that can, 0 to 1
  std::uint32_t suggested_block_threads = 0;  // the smallest that reaches best_ratio
  double best_ratio = 0;
};

class Driver {
 public:
  virtual ~Driver() = default;

  virtual const Properties& properties() const = 0;

  // Device memory, in slabs of many MiB that the pool divides. For a host-visible device the slab
  // is [arena_offset, arena_offset + bytes) of the shared arena, which the client owns and has
  // committed; others ignore `arena_offset`. Multiples of the page size. kResourceExhausted when
  // there is no memory.
  virtual absl::StatusOr<DeviceAddress> Reserve(std::uint64_t bytes,
                                                std::uint64_t arena_offset) = 0;
  // No work that uses the slab may be queued.
  virtual absl::Status Release(DeviceAddress address) = 0;

  // A code object in this device's format. `variant_of` names a loaded module whose __device__ and
  // __constant__ variables this one shares (a specialised variant of the same source); 0 for none.
  // kInvalidArgument for bytes that are not a code object for this device: nothing is trusted in
  // them.
  virtual absl::StatusOr<Module> Load(absl::Span<const std::byte> code_object,
                                      ModuleHandle variant_of) = 0;
  // No work that uses the module may be queued, and no variant of it may be loaded.
  virtual absl::Status Unload(ModuleHandle module) = 0;
  // A __device__ or __constant__ variable of `module`. kNotFound if it has none of this name.
  virtual absl::StatusOr<Global> FindGlobal(ModuleHandle module, absl::string_view name) = 0;

  // kNotFound if there is no such function.
  virtual absl::StatusOr<FunctionInfo> Describe(FunctionHandle function) = 0;
  // For blocks of `block_threads` threads with `dynamic_shared_bytes` each.
  virtual absl::StatusOr<Occupancy> OccupancyOf(FunctionHandle function,
                                                std::uint32_t block_threads,
                                                std::uint32_t dynamic_shared_bytes) = 0;

  virtual absl::Status CreateStream(StreamId stream) = 0;
  // Waits for the work queued in it.
  virtual absl::Status DestroyStream(StreamId stream) = 0;

  // Queues. Each leads to exactly one OnComplete(ticket), also when the status is an error of the
  // work itself; a call that returns an error queued nothing and completes nothing.
  virtual absl::Status Launch(StreamId stream, Ticket ticket, const LaunchParams& launch) = 0;
  // Device to device. The ranges may overlap.
  virtual absl::Status Copy(StreamId stream, Ticket ticket, DeviceAddress destination,
                            DeviceAddress source, std::uint64_t bytes) = 0;
  // From and to memory of this process (the staging arena), which must stay valid until the
  // completion.
  virtual absl::Status CopyIn(StreamId stream, Ticket ticket, DeviceAddress destination,
                              const void* source, std::uint64_t bytes) = 0;
  virtual absl::Status CopyOut(StreamId stream, Ticket ticket, void* destination,
                               DeviceAddress source, std::uint64_t bytes) = 0;
  // Repeats a pattern of 1, 2, 4 or 8 bytes; `bytes` is a multiple of its size.
  virtual absl::Status Fill(StreamId stream, Ticket ticket, DeviceAddress destination,
                            std::uint64_t pattern, std::uint32_t pattern_bytes,
                            std::uint64_t bytes) = 0;
  // Nothing to do but to complete, in stream order.
  virtual absl::Status Marker(StreamId stream, Ticket ticket) = 0;

  // Events order streams: Wait makes later work of `stream` wait until the work that was in the
  // event's stream at Record has ended. An event is made by its first Record; waiting for one that
  // was never recorded is kNotFound. Recording again replaces.
  virtual absl::Status Record(StreamId stream, EventId event) = 0;
  virtual absl::Status Wait(StreamId stream, EventId event) = 0;
  virtual absl::StatusOr<bool> Query(EventId event) = 0;
  virtual absl::Status DestroyEvent(EventId event) = 0;

  // Blocks until the stream's work has ended.
  virtual absl::Status Synchronize(StreamId stream) = 0;

  // What the device reported last, if anything; stays until the driver ends.
  virtual std::optional<Fault> LastFault() const = 0;
};

}  // namespace amdgpu::gpu

#endif  // AMDGPU_GPU_DRIVER_H_
