// A GPU of AMD or NVIDIA as a gpu::Driver, over the vendor's own runtime.
//
// Every stream is a Lane: a stream of the vendor's and a thread that sees its work end. Faults of
// kernels end all work on the device in this process (LastFault, sticky): the worker is replaced.

#ifndef AMDGPU_GPU_VENDOR_VENDOR_DRIVER_H_
#define AMDGPU_GPU_VENDOR_VENDOR_DRIVER_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "c_src/base/mutex.h"
#include "gpu/driver.h"
#include "gpu/vendor/lane.h"
#include "gpu/vendor/loaded_module.h"

namespace amdgpu::vendor {

struct VendorDriverOptions {
  std::shared_ptr<const VendorApi> api;
  std::uint32_t index = 0;  // of the device
  // Memory of this process that most copies are from and to: made known to the vendor, so that its
  // copy engines work on it without another pass. Stays mapped while the driver lives.
  void* staging = nullptr;
  std::uint64_t staging_bytes = 0;
  // Tells the sink what has been printed on standard output, by then: called before the completion
  // of a launch that may have printed. Empty: nobody listens.
  std::function<void()> drain_output{};
  // Where to look for rocBLAS or cuBLAS when it is asked for; BlasLibraryNames(kind) but in tests.
  std::vector<std::string> blas_libraries{};
};

class VendorDriver final : public gpu::Driver {
 public:
  // `sink` must outlive the driver.
  static absl::StatusOr<std::unique_ptr<VendorDriver>> Create(const VendorDriverOptions& options,
                                                              gpu::CompletionSink& sink);
  // Waits for what is queued.
  ~VendorDriver() override;

  const gpu::Properties& properties() const override { return properties_; }
  absl::StatusOr<gpu::DeviceAddress> Reserve(std::uint64_t bytes,
                                             std::uint64_t arena_offset) override;
  absl::Status Release(gpu::DeviceAddress address) override;
  // A serialized proto::VendorCodeObject. One that names a library opens it, the first time for
  // hundreds of milliseconds; kNotFound with the reason if there is none. Variants do not exist
  // here: code for a GPU works for any block shape.
  absl::StatusOr<gpu::Module> Load(absl::Span<const std::byte> code_object,
                                   gpu::ModuleHandle variant_of) override;
  absl::Status Unload(gpu::ModuleHandle module) override;
  absl::StatusOr<gpu::Global> FindGlobal(gpu::ModuleHandle module, absl::string_view name) override;
  absl::StatusOr<gpu::FunctionInfo> Describe(gpu::FunctionHandle function) override;
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
  std::optional<gpu::Fault> LastFault() const override { return faults_.last(); }

  // What runs now, if that is one launch. Async-signal-safe.
  const RunningLaunches& running() const { return running_; }

 private:
  struct StreamEntry {
    std::unique_ptr<Lane> lane;
    // Made when first needed, by whoever calls for the stream: device memory for copies within it
    // that overlap, and what the library keeps for it.
    Address bounce = 0;
    Blas::Handle blas = nullptr;
  };
  using StreamRef = std::shared_ptr<StreamEntry>;

  VendorDriver(std::unique_ptr<DeviceContext> context, gpu::Properties properties,
               const VendorDriverOptions& options, gpu::CompletionSink& sink);

  LaneParts Parts() {
    return {*context_, sink_, timed_events_, clock_, faults_, running_, drain_output_};
  }
  absl::StatusOr<StreamRef> FindStream(gpu::StreamId stream);
  // Waits for its work.
  void End(StreamEntry& entry);

  // Libraries: vendor_driver_library.cc.
  absl::StatusOr<gpu::Module> LoadLibrary(const std::string& library);
  absl::Status CallLibrary(StreamEntry& entry, Operation operation,
                           const gpu::LaunchParams& launch);

  gpu::Module Add(std::unique_ptr<LoadedModule> loaded);
  absl::StatusOr<StreamRef> FindStreamLocked(gpu::StreamId stream)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // The kernel, kept from being unloaded by one more launch in flight.
  absl::StatusOr<Kernel*> HoldKernel(gpu::FunctionHandle function);
  absl::StatusOr<Kernel*> HoldKernelLocked(gpu::FunctionHandle function)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::StatusOr<Kernel*> FindKernel(gpu::FunctionHandle function)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // [address, address + bytes) is device memory: a slab's or a variable's.
  absl::Status CheckRange(gpu::DeviceAddress address, std::uint64_t bytes);
  absl::Status AllowShared(Kernel& kernel, std::uint32_t bytes);
  absl::Status SubmitBytes(gpu::StreamId stream, gpu::Ticket ticket, std::uint64_t bytes,
                           absl::FunctionRef<Result(StreamEntry&)> enqueue,
                           absl::string_view doing);

  const std::unique_ptr<DeviceContext> context_;
  const gpu::Properties properties_;
  gpu::CompletionSink& sink_;
  const std::function<void()> drain_output_;
  void* registered_ = nullptr;

  FaultLog faults_;
  RunningLaunches running_;
  EventPool timed_events_;
  EventPool order_events_;
  DeviceClock clock_;
  const std::vector<std::string> blas_libraries_;

  Mutex mutex_;
  std::uint64_t next_handle_ ABSL_GUARDED_BY(mutex_) = 1;
  std::map<gpu::DeviceAddress, std::uint64_t> slabs_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<Blas> blas_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<gpu::ModuleHandle, std::unique_ptr<LoadedModule>> modules_
      ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<gpu::FunctionHandle, Kernel*> functions_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<gpu::StreamId, StreamRef> streams_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<gpu::EventId, Event> events_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace amdgpu::vendor

#endif  // AMDGPU_GPU_VENDOR_VENDOR_DRIVER_H_
