// The client's Device, made of its parts: the pool and the arena, the command queue, the worker,
// the modules, and two threads.
//
// Locks: the command queue's mutex guards buffers, streams, modules and the order of commands, and
// is held for a microsecond at most. The worker itself is touched by the service thread alone.

#ifndef AMDGPU_C_SRC_RUNTIME_DEVICE_IMPL_H_
#define AMDGPU_C_SRC_RUNTIME_DEVICE_IMPL_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <latch>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "absl/status/statusor.h"
#include "c_src/memory/device_memory.h"
#include "c_src/runtime/block_times.h"
#include "c_src/runtime/buffer_impl.h"
#include "c_src/runtime/command_queue.h"
#include "c_src/runtime/device.h"
#include "c_src/runtime/fault_report.h"
#include "c_src/runtime/kernel_impl.h"
#include "c_src/runtime/service_thread.h"
#include "c_src/runtime/slab.h"
#include "c_src/runtime/staging.h"
#include "c_src/runtime/worker_process.h"
#include "telemetry/device_feed.h"
#include "telemetry/hub.h"

namespace amdgpu {

class DeviceImpl final : public Device, public telemetry::DeviceFeed {
 public:
  // The object behind the handle: it outlives the last DeviceRef until its threads have ended.
  static absl::StatusOr<DeviceRef> Open(DeviceOptions options,
                                        std::shared_ptr<CompileService> compiler,
                                        DeviceCallbacks callbacks);

  // device.cc: life
  const gpu::Properties& properties() const override { return properties_; }
  void Close() override;
  absl::Status Restart() override;
  bool ready() const override { return ready_.load(std::memory_order_acquire); }
  JobRef WhenReady() override;
  DeviceStats Stats() const override;

  // device_memory_calls.cc
  absl::StatusOr<BufferRef> Allocate(proto::DType dtype, std::uint64_t elements, OwnerId owner,
                                     gpu::StreamId stream) override;
  JobRef AllocateSlow(proto::DType dtype, std::uint64_t elements, OwnerId owner,
                      gpu::StreamId stream) override;
  absl::Status Free(const BufferRef& buffer) override;
  absl::Status GiveAway(const BufferRef& buffer, OwnerId new_owner) override;
  void FreeOwner(OwnerId owner) override;
  JobRef Trim() override;
  MemoryReport Memory() const override;
  absl::Status SetLimits(std::uint64_t device_bytes, std::uint64_t owner_bytes) override;
  absl::Status SetAllocationLog(const std::string& path) override;

  // device_copies.cc
  absl::StatusOr<JobRef> ReadFence(const BufferRef& buffer) override;
  absl::StatusOr<JobRef> WriteFence(const BufferRef& buffer) override;
  absl::StatusOr<BufferView> View(const BufferRef& buffer, std::uint64_t offset,
                                  std::uint64_t bytes) override;
  absl::Status Write(const BufferRef& buffer, std::uint64_t offset,
                     absl::Span<const std::byte> bytes) override;
  absl::StatusOr<JobRef> WriteQueued(const BufferRef& buffer, std::uint64_t offset,
                                     absl::Span<const std::byte> bytes,
                                     gpu::StreamId stream) override;
  // device_transfers.cc
  absl::StatusOr<JobRef> Upload(const BufferRef& buffer, std::uint64_t offset,
                                absl::Span<const std::byte> bytes,
                                std::shared_ptr<const void> keep_alive) override;
  absl::StatusOr<JobRef> Download(const BufferRef& buffer, std::uint64_t offset,
                                  std::uint64_t bytes) override;
  absl::StatusOr<JobRef> Copy(const BufferRef& destination, std::uint64_t destination_offset,
                              const BufferRef& source, std::uint64_t source_offset,
                              std::uint64_t bytes, gpu::StreamId stream) override;
  absl::StatusOr<JobRef> Fill(const BufferRef& buffer, absl::Span<const std::byte> pattern,
                              gpu::StreamId stream) override;

  // device_modules.cc
  JobRef Compile(proto::CompileRequest request, absl::string_view name,
                 absl::string_view core_class, OwnerId owner) override;
  JobRef LoadKernel(CodeObjectRef code, proto::CompileRequest request, absl::string_view name,
                    absl::string_view core_class) override;
  JobRef WriteGlobal(const KernelRef& kernel, absl::string_view name, std::uint64_t offset,
                     absl::Span<const std::byte> bytes) override;
  JobRef ReadGlobal(const KernelRef& kernel, absl::string_view name, std::uint64_t offset,
                    std::uint64_t bytes) override;
  JobRef AskOccupancy(const KernelRef& kernel, std::uint32_t block_threads,
                      std::uint32_t dynamic_shared_bytes) override;

  // device_launch.cc
  absl::StatusOr<JobRef> Launch(const KernelRef& kernel, const LaunchOptions& options,
                                absl::Span<const Argument> arguments) override;
  absl::StatusOr<gpu::StreamId> CreateStream() override;
  absl::Status DestroyStream(gpu::StreamId stream) override;
  absl::Status StreamWait(gpu::StreamId stream, gpu::StreamId other) override;
  absl::StatusOr<JobRef> Synchronize(gpu::StreamId stream) override;

  // device_telemetry.cc
  const proto::DeviceProperties& telemetry_properties() const override { return properties_; }
  void* telemetry_ring() const override { return queue_->segment().telemetry(); }
  std::size_t telemetry_slots() const override { return protocol::kTelemetrySlots; }
  telemetry::SamplerControl& telemetry_control() const override {
    return queue_->segment().header().sampler;
  }
  bool telemetry_live() const override { return ready(); }
  void FillWorker(proto::Worker* worker) const override;
  void FillPool(proto::Pool* pool, std::size_t most_owners) const override;
  void FillBlocks(proto::Pool* pool, std::size_t most) const override;
  std::size_t FillActive(std::size_t most,
                         google::protobuf::RepeatedPtrField<proto::ActiveLaunch>* active,
                         std::uint32_t* labels) const override;
  std::uint64_t in_flight() const override;
  telemetry::HostCopies host_copies() const override;

 private:
  static constexpr std::uint32_t kMaxArgsBytes = 4096;
  // Modules without a kernel in anybody's hands that stay loaded: who compiles the same source for
  // each use should not wait for it to be loaded.
  static constexpr std::size_t kUnusedModulesKept = 64;
  // Streams of our own, for uploads and downloads of a device that is not host-visible.
  static constexpr gpu::StreamId kUploadStream = kMaxStreams - 1;
  static constexpr gpu::StreamId kDownloadStream = kMaxStreams - 2;

  DeviceImpl(DeviceOptions options, std::shared_ptr<CompileService> compiler,
             DeviceCallbacks callbacks, Segment segment, Arena arena);
  std::shared_ptr<DeviceImpl> Self() {
    return std::static_pointer_cast<DeviceImpl>(shared_from_this());
  }
  AdaptiveMutex& mutex() const ABSL_LOCK_RETURNED(queue_->mutex()) { return queue_->mutex(); }
  std::shared_ptr<JobImpl> NewJob() { return std::make_shared<JobImpl>(queue_); }

  // --- Life (device.cc). On the service thread, but for Shutdown. ---
  void StartThreads();
  absl::Status StartWorker();
  absl::Status ReloadInto(WorkerProcess& worker);
  void OnWorkerReadable();
  void EndWorker();
  void Shutdown();
  // Answers everything that was under way; returns what ended the worker.
  absl::Status AnswerPending(const std::string& how_it_ended);
  std::optional<NearBuffer> FindNear(std::uint64_t address) const;
  void SetReady(bool ready);
  // `job` cannot be: the device is closed or has no worker.
  absl::Status NotReadyError() const;
  std::string Name() const;
  // What the device has, if nobody limits it.
  std::uint64_t CapacityBytes() const;

  // --- Telemetry (device_telemetry.cc) ---
  void Report(proto::Event::Kind kind, std::string message, std::uint64_t bytes = 0,
              OwnerId owner = 0) const;
  void ReportLost(absl::Span<const PendingCommand> commands, const absl::Status& status) const;

  // --- Memory (device_memory_calls.cc) ---
  // All but the owners: quick.
  MemoryReport MemoryTotals() const;
  absl::StatusOr<BufferRef> MakeBuffer(proto::DType dtype, std::uint64_t elements, OwnerId owner,
                                       const Allocation& allocation);
  absl::StatusOr<AllocationRequest> RequestFor(proto::DType dtype, std::uint64_t elements,
                                               OwnerId owner, gpu::StreamId stream) const;
  BlockRef MakeBlock(const Allocation& allocation) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex());
  void FreeState(BufferState& state) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex());
  void FreeDead();
  // A slab that holds at least `needed` bytes. On the service thread.
  absl::Status Grow(std::uint64_t needed);
  bool MakeRoomFor(const Shortage& shortage);
  void DoTrim(const JobImplRef& job);
  // Drops a stream in the worker once its work has ended.
  void FinishStream(gpu::StreamId stream);
  static void DropBuffer(Device& device, BufferStateRef state);

  // --- Buffers in use (device_copies.cc) ---
  // The state of a live buffer of this device.
  absl::StatusOr<BufferState*> StateOf(const BufferRef& buffer) const;
  JobRef FenceFor(const Block& block, bool for_writing) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex());
  // Before something writes the buffer in `stream`: gives it a block of its own if views see the
  // one it has, with the contents copied in stream order if `keep_contents`.
  absl::Status Unshare(BufferState& state, gpu::StreamId stream, bool keep_contents)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex());
  // Allocates under the lock; if the pool has to grow first, sees to that and is kUnavailable.
  absl::StatusOr<BlockRef> AllocateBlock(std::uint64_t bytes, OwnerId owner, gpu::StreamId stream,
                                         bool idle) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex());
  absl::Status CheckRange(const BufferState& state, std::uint64_t offset, std::uint64_t bytes) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex());
  // Memory that the worker alone had ends with it.
  absl::Status CheckNotLost(const Block& block) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex());
  // A copy command between addresses, or from staging.
  absl::StatusOr<JobImplRef> SubmitCopy(protocol::CommandKind kind, std::uint64_t destination,
                                        std::uint64_t source, std::uint64_t bytes,
                                        gpu::StreamId stream, OwnerId owner)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex());

  // --- Through the staging arena (device_transfers.cc) ---
  // A piece on its way from the device, held in the staging arena.
  struct Incoming {
    JobImplRef job;
    std::uint64_t place = 0;
    std::uint64_t bytes = 0;
  };
  // `owner`, here and below, is whose buffer it is, for telemetry; 0 for nobody's.
  absl::StatusOr<JobImplRef> SendPiece(const BlockRef& block, std::uint64_t offset,
                                       absl::Span<const std::byte> bytes, OwnerId owner);
  absl::StatusOr<Incoming> FetchPiece(const BlockRef& block, std::uint64_t offset,
                                      std::uint64_t bytes, OwnerId owner);
  absl::StatusOr<Incoming> Fetch(gpu::DeviceAddress address, std::uint64_t bytes,
                                 gpu::StreamId stream, OwnerId owner)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex());
  void ReleasePlace(std::uint64_t place);
  // Ends `job` with the bytes of `piece`, copied by whoever takes its completion in.
  void Receive(const Incoming& piece, const JobImplRef& job);
  void DoUpload(const BlockRef& block, std::uint64_t offset, absl::Span<const std::byte> bytes,
                OwnerId owner, const JobImplRef& job);
  void DoDownload(const BlockRef& block, std::uint64_t offset, std::uint64_t bytes, OwnerId owner,
                  const JobImplRef& job);
  // There was no room for another piece. Not OK: there will be none.
  absl::Status PauseForRoom();
  absl::Status CheckStream(gpu::StreamId stream) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex());
  absl::Status RingFullError() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex());

  // --- Modules (device_modules.cc) ---
  // A kernel of a bundle, on its way.
  struct KernelLoad {
    CodeObjectRef code;
    proto::CompileRequest request;
    std::string name;
    std::string core_class;
  };
  void DoLoadKernel(const std::shared_ptr<const KernelLoad>& load, const JobImplRef& job);

  struct CompileJob;
  void ReportCompile(const CompileJob& compile, const absl::Status& status,
                     CodeOrigin origin) const;
  void OnCompiled(const std::shared_ptr<CompileJob>& compile, CompileResult result);
  void LoadCompiled(const std::shared_ptr<CompileJob>& compile, const CodeObjectRef& code,
                    CodeOrigin origin);
  // Into `worker`. `fresh`, if any, is told what the code has in it.
  absl::StatusOr<LoadedCode> LoadCode(WorkerProcess& worker, const CodeObjectRef& code,
                                      gpu::ModuleHandle variant_of, Module* fresh);
  absl::StatusOr<ModuleRef> LoadModule(const proto::CompileRequest& request,
                                       const CodeObjectRef& code);
  absl::StatusOr<KernelRef> MakeKernel(const ModuleRef& module, absl::string_view name,
                                       absl::string_view core_class);
  // Unloads modules that no kernel and no launch refers to, but for the `keep` wanted last. On the
  // service thread.
  void UnloadUnused(std::size_t keep);
  void UnloadRetired(Module& module);
  // Which function to launch for a block shape; asks for specialised code the first time.
  gpu::FunctionHandle FunctionFor(const ModuleRef& module, std::size_t index,
                                  const gpu::Dim3& block, bool* specialised)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex());
  void Specialise(const ModuleRef& module, const gpu::Dim3& block);
  void AddVariant(const ModuleRef& module, const gpu::Dim3& block, const CodeObjectRef& code);
  void DoReadGlobal(const KernelRef& kernel, const std::string& name, std::uint64_t offset,
                    std::uint64_t bytes, const JobImplRef& job);
  void DoAskOccupancy(const KernelRef& kernel, std::uint32_t block_threads,
                      std::uint32_t dynamic_shared_bytes, const JobImplRef& job);
  // Where bytes of a variable are. On the service thread.
  absl::StatusOr<gpu::DeviceAddress> LocateGlobal(const Kernel& kernel, const std::string& name,
                                                  std::uint64_t offset, std::uint64_t bytes);
  void DoWriteGlobal(const KernelRef& kernel, const std::string& name, std::uint64_t offset,
                     const std::string& bytes, const JobImplRef& job);

  const DeviceOptions options_;
  const std::shared_ptr<CompileService> compiler_;
  const DeviceCallbacks callbacks_;
  const std::shared_ptr<DeviceMemory> memory_;
  const std::shared_ptr<CommandQueue> queue_;
  gpu::Properties properties_;    // constant after Open
  std::weak_ptr<Device> handle_;  // constant after Open

  Arena arena_;  // changed by the service thread, under mutex()
  // Of the worker that memory handed out from now on is in.
  std::uint64_t contents_generation_ ABSL_GUARDED_BY(mutex()) = 1;
  OwnerIndex owners_ ABSL_GUARDED_BY(mutex());
  BlockTimes block_times_ ABSL_GUARDED_BY(mutex());
  DeadBuffers dead_;
  Staging staging_ ABSL_GUARDED_BY(mutex());
  std::array<bool, kMaxStreams> streams_ ABSL_GUARDED_BY(mutex()) = {};
  // Destroyed, with work that has not ended.
  std::array<bool, kMaxStreams> closing_streams_ ABSL_GUARDED_BY(mutex()) = {};
  absl::flat_hash_map<std::string, ModuleRef> modules_ ABSL_GUARDED_BY(mutex());
  std::uint64_t modules_wanted_ ABSL_GUARDED_BY(mutex()) = 0;
  bool closed_ ABSL_GUARDED_BY(mutex()) = false;
  bool ring_was_full_ ABSL_GUARDED_BY(mutex()) = false;
  int growing_ ABSL_GUARDED_BY(mutex()) = 0;
  std::vector<JobImplRef> when_ready_ ABSL_GUARDED_BY(mutex());

  std::atomic<bool> ready_{false};
  std::atomic<std::uint64_t> limit_{0};  // bytes, of the device
  std::atomic<std::uint64_t> launches_{0};
  std::atomic<std::uint64_t> specialised_launches_{0};
  std::atomic<std::uint64_t> restarts_{0};
  std::atomic<std::int32_t> worker_pid_{0};
  std::atomic<std::uint64_t> worker_started_ns_{0};  // 0 = none now
  const telemetry::HubRef telemetry_;
  std::atomic<std::uint32_t> telemetry_device_{0};  // our number there
  std::atomic<std::uint64_t> host_copies_{0};       // made by this process
  std::atomic<std::uint64_t> host_copied_bytes_{0};
  std::atomic<std::uint64_t> host_copied_ns_{0};

  ServiceQueue service_;
  // Of a device that is not host-visible: a thread for each direction.
  ServiceQueue uploads_;
  ServiceQueue downloads_;
  // The service thread's.
  std::unique_ptr<WorkerProcess> worker_;
  std::uint64_t generation_ = 0;
  std::vector<std::function<void()>> after_restart_;
  std::latch ended_{1};
};

}  // namespace amdgpu

#endif  // AMDGPU_C_SRC_RUNTIME_DEVICE_IMPL_H_
