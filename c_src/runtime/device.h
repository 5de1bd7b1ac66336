// The client's Device: what the NIF calls. It owns the pool, the rings and the life of one worker
// process.
//
// Nothing here blocks, except where it says so. What has to wait is a Job: poll it for some
// microseconds, or subscribe and be called from a thread of the device.

#ifndef AMDGPU_C_SRC_RUNTIME_DEVICE_H_
#define AMDGPU_C_SRC_RUNTIME_DEVICE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "c_src/kernel/compile_service.h"
#include "gpu/types.h"

namespace amdgpu {

namespace telemetry {
class Hub;
}

class Buffer;
class Device;
class Kernel;
using BufferRef = std::shared_ptr<Buffer>;
using DeviceRef = std::shared_ptr<Device>;
using KernelRef = std::shared_ptr<Kernel>;

// Opaque number of who owns memory; the NIF gives each Elixir process one. 0 = nobody in
// particular.
using OwnerId = std::uint64_t;

// Times of a finished command, on the NowNs() clock.
struct LaunchInfo {
  std::uint64_t ticket = 0;
  std::uint64_t queued_ns = 0;  // when the command was written
  std::uint64_t started_ns = 0;
  std::uint64_t ended_ns = 0;
  bool specialised = false;  // ran code specialised on its block shape
};

// A read-only look at bytes of the device that stays as it is, whatever is done to them later.
// Keeps the memory until it is dropped.
struct BufferView {
  absl::Span<const std::byte> bytes;
  std::shared_ptr<const void> keep_alive;
};

// Something under way: a launch, a copy, a fence, a compile, growing the pool. Ends exactly once.
// Thread-safe.
class Job {
 public:
  using Callback = std::function<void()>;
  virtual ~Job() = default;

  virtual bool done() const = 0;
  // Looks for completions itself for up to `spin_ns` (0 = once). True when done.
  virtual bool Poll(std::uint64_t spin_ns) = 0;
  // Calls `callback` once from a thread of the device when the job has ended, and returns a number
  // for Unsubscribe; returns 0 and never calls if it has ended already.
  virtual std::uint64_t Subscribe(Callback callback) = 0;
  // True: the callback will not be called. False: it was, or is being, called.
  virtual bool Unsubscribe(std::uint64_t subscription) = 0;
  // Tries to stop it (compiles can be; launches cannot).
  virtual bool Cancel() = 0;

  // Of a job that is done. Errors carry an ErrorDetail.
  virtual absl::Status status() const = 0;
  virtual LaunchInfo info() const = 0;
  // What a compile made; null for other jobs.
  virtual KernelRef kernel() const = 0;
  // What a slow allocation made; null for other jobs.
  virtual BufferRef buffer() const = 0;
  virtual CodeOrigin origin() const = 0;
  // What a download or an inquiry brought; empty for other jobs.
  virtual BufferView view() const = 0;
};
using JobRef = std::shared_ptr<Job>;

// Device memory that belongs to an owner. Dropping the last reference frees it, as Free() does.
// Work that was queued with it still runs: the block is reused behind it.
class Buffer {
 public:
  virtual ~Buffer() = default;
  virtual const DeviceRef& device() const = 0;
  virtual proto::DType dtype() const = 0;
  virtual std::uint64_t elements() const = 0;
  virtual std::uint64_t bytes() const = 0;
  virtual OwnerId owner() const = 0;
  virtual bool live() const = 0;  // false after Free() or the death of its owner
};

// A compiled kernel on a device. Survives restarts of the worker.
class Kernel {
 public:
  virtual ~Kernel() = default;
  virtual const DeviceRef& device() const = 0;
  virtual const gpu::KernelInfo& info() const = 0;
  // Of its generic code.
  virtual const proto::KernelNeeds& needs() const = 0;
  virtual const CodeObjectRef& code() const = 0;
  // "aura", "matrix" or "neuromorphic": what telemetry counts its launches under.
  virtual const std::string& core_class() const = 0;
  // Block shapes it has specialised code for now.
  virtual std::vector<gpu::Dim3> specialised_shapes() const = 0;
};

// One argument of a launch, as the caller gave it. Checked against the signature.
using Argument =
    std::variant<std::int64_t, std::uint64_t, double, bool, absl::Span<const std::byte>, BufferRef>;

struct LaunchOptions {
  gpu::Dim3 grid;
  gpu::Dim3 block;
  std::uint32_t dynamic_shared_bytes = 0;
  gpu::StreamId stream = 0;
  std::uint64_t timeout_ns =
      0;  // running time on the device after which the worker is ended; 0 = none
  // For telemetry: who launches, a name for this launch, and what it reads and writes (bytes) and
  // computes, if that is known.
  OwnerId owner = 0;
  std::string label{};
  std::uint64_t bytes = 0;
  std::uint64_t flops = 0;
};

struct DeviceOptions {
  std::string kind = "host";
  std::uint32_t index = 0;
  std::string worker_path;               // the amdgpu_worker executable
  std::uint64_t memory_limit_bytes = 0;  // of the device; 0 = most of what the machine has
  std::uint64_t owner_limit_bytes = 0;   // of each owner; 0 = none
  std::uint64_t slab_bytes = std::uint64_t{64} << 20;  // least the pool grows by
  std::uint32_t threads = 0;                           // of the host device; 0 = one per core
  bool specialise = true;                              // on block shapes, in the background
  std::string allocation_log;  // file for every event of the pool; empty = off
  // Who makes frames of what the device does; null = nobody.
  std::shared_ptr<telemetry::Hub> telemetry;
};

// A worker's end, for who supervises the device.
struct WorkerExit {
  absl::Status reason;           // ErrorDetail.fault, .timeout or .device_lost
  std::uint64_t generation = 0;  // of the worker that ended, from 1
};

// Called from a thread of the device.
struct DeviceCallbacks {
  std::function<void(const WorkerExit&)>
      on_worker_exit;  // the device refuses launches until Restart()
  std::function<void(absl::string_view text)> on_print;  // device printf
};

struct OwnerUse {
  OwnerId owner = 0;
  std::uint64_t bytes = 0;
  std::uint64_t buffers = 0;
};

struct MemoryReport {
  std::uint64_t reserved = 0;   // bytes of slabs
  std::uint64_t used = 0;       // bytes in blocks handed out (rounded up)
  std::uint64_t requested = 0;  // bytes asked for
  std::uint64_t peak = 0;       // most `used` ever
  std::uint64_t largest_free = 0;
  std::uint64_t limit = 0;
  double fragmentation_ratio = 0;  // 1 - largest_free / free; 0 when nothing is free
  std::uint32_t pool_count = 0;    // slabs
  std::uint64_t allocations = 0;   // ever
  std::uint64_t frees = 0;
  std::vector<OwnerUse> owners;  // largest first
};

struct DeviceStats {
  std::uint64_t launches = 0;
  std::uint64_t in_flight = 0;
  std::uint64_t restarts = 0;
  std::uint64_t specialised_launches = 0;
  std::int32_t worker_pid = 0;  // 0 while there is none
};

// Thread-safe.
class Device : public std::enable_shared_from_this<Device> {
 public:
  // Starts the worker and waits until it answers: milliseconds. For a dirty IO scheduler.
  static absl::StatusOr<DeviceRef> Open(DeviceOptions options,
                                        std::shared_ptr<CompileService> compiler,
                                        DeviceCallbacks callbacks);
  virtual ~Device() = default;

  virtual const gpu::Properties& properties() const = 0;

  // Ends the worker. What is in flight fails with DeviceLost; buffers stay readable on a
  // host-visible device. Blocks briefly.
  virtual void Close() = 0;
  // A new worker with the same memory and modules, after the old one ended. Blocks for
  // milliseconds.
  virtual absl::Status Restart() = 0;
  virtual bool ready() const = 0;  // there is a worker
  // Ends when ready() or when the device is closed.
  virtual JobRef WhenReady() = 0;

  // `elements` of `dtype` for `owner`. kUnavailable: the pool has to grow first, take AllocateSlow.
  // kResourceExhausted: a limit, or nothing is left; ErrorDetail.out_of_memory.
  virtual absl::StatusOr<BufferRef> Allocate(proto::DType dtype, std::uint64_t elements,
                                             OwnerId owner, gpu::StreamId stream) = 0;
  // The same, growing the pool: the job's buffer().
  virtual JobRef AllocateSlow(proto::DType dtype, std::uint64_t elements, OwnerId owner,
                              gpu::StreamId stream) = 0;
  virtual absl::Status Free(const BufferRef& buffer) = 0;
  virtual absl::Status GiveAway(const BufferRef& buffer, OwnerId new_owner) = 0;
  // Everything an owner has: it died. Returns at once; done by a thread of the device.
  virtual void FreeOwner(OwnerId owner) = 0;
  // Gives wholly free slabs back.
  virtual JobRef Trim() = 0;

  // Null when the CPU may read (write) the buffer now; otherwise a job that ends when the work
  // before it has.
  virtual absl::StatusOr<JobRef> ReadFence(const BufferRef& buffer) = 0;
  virtual absl::StatusOr<JobRef> WriteFence(const BufferRef& buffer) = 0;
  // A snapshot without a copy, after ReadFence said null: a writer gets a copy first. kUnavailable:
  // not yet, take the fence again. Of a host-visible device; elsewhere Download.
  virtual absl::StatusOr<BufferView> View(const BufferRef& buffer, std::uint64_t offset,
                                          std::uint64_t bytes) = 0;
  // Copies into the buffer now, after WriteFence said null. kUnavailable: not yet, take the fence
  // again. For more than 64 KiB call from a dirty scheduler. Of a host-visible device; elsewhere
  // Upload.
  virtual absl::Status Write(const BufferRef& buffer, std::uint64_t offset,
                             absl::Span<const std::byte> bytes) = 0;
  // In stream order, without waiting for the work before it: through the staging arena.
  // kUnavailable: the arena or the ring is full now. At most kMaxStagedBytes.
  virtual absl::StatusOr<JobRef> WriteQueued(const BufferRef& buffer, std::uint64_t offset,
                                             absl::Span<const std::byte> bytes,
                                             gpu::StreamId stream) = 0;
  // Copies bytes of a device that is not host-visible through the staging arena, in pieces, beside
  // the work of all streams: after the fence said null. Small ones are under way when the call
  // returns. A job that fails with kUnavailable did so for want of a worker: try again. `bytes` are
  // kept by `keep_alive`.
  virtual absl::StatusOr<JobRef> Upload(const BufferRef& buffer, std::uint64_t offset,
                                        absl::Span<const std::byte> bytes,
                                        std::shared_ptr<const void> keep_alive) = 0;
  // The other way: the job's view() is a copy.
  virtual absl::StatusOr<JobRef> Download(const BufferRef& buffer, std::uint64_t offset,
                                          std::uint64_t bytes) = 0;
  virtual absl::StatusOr<JobRef> Copy(const BufferRef& destination,
                                      std::uint64_t destination_offset, const BufferRef& source,
                                      std::uint64_t source_offset, std::uint64_t bytes,
                                      gpu::StreamId stream) = 0;
  // Repeats `pattern` (1, 2, 4 or 8 bytes) over the whole buffer.
  virtual absl::StatusOr<JobRef> Fill(const BufferRef& buffer, absl::Span<const std::byte> pattern,
                                      gpu::StreamId stream) = 0;

  // A kernel of `request`, from the caches or compiled; `name` is one of its name expressions. A
  // memory hit whose module is loaded ends before this returns. `owner`, for telemetry, is who
  // asks; 0 for nobody.
  virtual JobRef Compile(proto::CompileRequest request, absl::string_view name,
                         absl::string_view core_class, OwnerId owner) = 0;
  // A kernel of code that was made elsewhere for a device like this one; `request` says from what,
  // and its target is ignored. Without a source no block shape is specialised on.
  virtual JobRef LoadKernel(CodeObjectRef code, proto::CompileRequest request,
                            absl::string_view name, absl::string_view core_class) = 0;
  // Bytes into a __device__ or __constant__ variable of the kernel's module, in order before later
  // launches.
  virtual JobRef WriteGlobal(const KernelRef& kernel, absl::string_view name, std::uint64_t offset,
                             absl::Span<const std::byte> bytes) = 0;
  // The other way: the job's view(), as it is behind the launches queued in the default stream.
  virtual JobRef ReadGlobal(const KernelRef& kernel, absl::string_view name, std::uint64_t offset,
                            std::uint64_t bytes) = 0;

  // How much of the device the kernel keeps busy in blocks of so many threads with so much dynamic
  // shared memory: the job's view() is a serialized proto::Occupancy.
  virtual JobRef AskOccupancy(const KernelRef& kernel, std::uint32_t block_threads,
                              std::uint32_t dynamic_shared_bytes) = 0;

  // Checks everything, writes the command, returns: about a microsecond. kUnavailable: the ring is
  // full or the worker is restarting, try again (WhenReady). kInvalidArgument: ErrorDetail.launch.
  virtual absl::StatusOr<JobRef> Launch(const KernelRef& kernel, const LaunchOptions& options,
                                        absl::Span<const Argument> arguments) = 0;

  virtual absl::StatusOr<gpu::StreamId> CreateStream() = 0;
  virtual absl::Status DestroyStream(gpu::StreamId stream) = 0;
  // Later work of `stream` waits for what is in `other` now.
  virtual absl::Status StreamWait(gpu::StreamId stream, gpu::StreamId other) = 0;
  // Ends when what is in the stream now has ended.
  virtual absl::StatusOr<JobRef> Synchronize(gpu::StreamId stream) = 0;

  virtual MemoryReport Memory() const = 0;
  virtual DeviceStats Stats() const = 0;
  virtual absl::Status SetLimits(std::uint64_t device_bytes, std::uint64_t owner_bytes) = 0;
  // Logs every event of the pool to `path`; empty stops.
  virtual absl::Status SetAllocationLog(const std::string& path) = 0;
};

// Most that WriteQueued takes at once.
inline constexpr std::uint64_t kMaxStagedBytes = std::uint64_t{1} << 20;

}  // namespace amdgpu

#endif  // AMDGPU_C_SRC_RUNTIME_DEVICE_H_
