// Launches, copies and fills.

#include <utility>

#include "absl/strings/str_cat.h"
#include "gpu/vendor/bulk.h"
#include "gpu/vendor/errors.h"
#include "gpu/vendor/launch_check.h"
#include "gpu/vendor/vendor_driver.h"

namespace amdgpu::vendor {
namespace {

// What copies are expected to take, for the lane's batches: a start, and 32 bytes a nanosecond.
constexpr std::uint64_t kCopyStartNs = 2'000;
constexpr std::uint64_t kCopyBytesPerNs = 32;

absl::Status BadPattern(std::uint32_t pattern_bytes) {
  return absl::InvalidArgumentError(
      absl::StrCat("a fill pattern has 1, 2, 4 or 8 bytes, not ", pattern_bytes));
}

}  // namespace

absl::Status VendorDriver::AllowShared(Kernel& kernel, std::uint32_t bytes) {
  const VendorApi& api = context_->api();
  if (bytes <= kernel.dynamic_shared_allowed.load() || api.FuncSetAttribute == nullptr) {
    return absl::OkStatus();
  }
  Result result = context_->MakeCurrent();
  MutexLock lock(&mutex_);  // of two at once the larger stays
  if (bytes <= kernel.dynamic_shared_allowed.load()) return absl::OkStatus();
  if (result == kSuccess) {
    result = api.FuncSetAttribute(kernel.function,
                                  static_cast<int>(FunctionAttribute::kMaxDynamicSharedBytes),
                                  static_cast<int>(bytes));
  }
  if (result != kSuccess) {
    return ToStatus(api, result, absl::StrCat(bytes, " bytes of dynamic shared memory"));
  }
  kernel.dynamic_shared_allowed.store(bytes);
  return absl::OkStatus();
}

absl::Status VendorDriver::Launch(gpu::StreamId stream, gpu::Ticket ticket,
                                  const gpu::LaunchParams& launch) {
  absl::StatusOr<StreamRef> entry;
  absl::StatusOr<Kernel*> held;
  {
    MutexLock lock(&mutex_);
    entry = FindStreamLocked(stream);
    if (!entry.ok()) return entry.status();
    held = HoldKernelLocked(launch.function);
    if (!held.ok()) return held.status();
  }
  Kernel& kernel = **held;
  absl::Status status = CheckLaunch(launch, kernel, properties_);
  if (status.ok()) status = AllowShared(kernel, launch.dynamic_shared_bytes);
  if (status.ok()) {
    Operation operation;
    operation.ticket = ticket;
    operation.kernel = &kernel;
    operation.threads = launch.grid.Volume() * launch.block.Volume();
    operation.expected_ns = kernel.estimate.For(operation.threads);
    operation.watched = launch.watched;
    Lane& lane = *(*entry)->lane;
    const auto enqueue = [&]() -> Result {
      const VendorApi& api = context_->api();
      std::size_t bytes = launch.args.size();
      void* extra[] = {kLaunchBufferPointer, const_cast<std::byte*>(launch.args.data()),
                       kLaunchBufferSize, &bytes, api.launch_end};
      return api.LaunchKernel(kernel.function, launch.grid.x, launch.grid.y, launch.grid.z,
                              launch.block.x, launch.block.y, launch.block.z,
                              launch.dynamic_shared_bytes, lane.stream(), nullptr,
                              bytes == 0 ? nullptr : extra);
    };
    status = kernel.blas != nullptr ? CallLibrary(**entry, operation, launch)
                                    : lane.Submit(operation, enqueue, "launching");
  }
  if (!status.ok()) kernel.in_flight->fetch_sub(1, std::memory_order_release);
  return status;
}

absl::Status VendorDriver::SubmitBytes(gpu::StreamId stream, gpu::Ticket ticket,
                                       std::uint64_t bytes,
                                       absl::FunctionRef<Result(StreamEntry&)> enqueue,
                                       absl::string_view doing) {
  absl::StatusOr<StreamRef> entry = FindStream(stream);
  if (!entry.ok()) return entry.status();
  if (bytes == 0) {
    (*entry)->lane->Mark(ticket);
    return absl::OkStatus();
  }
  Operation operation;
  operation.ticket = ticket;
  operation.expected_ns = kCopyStartNs + bytes / kCopyBytesPerNs;
  return (*entry)->lane->Submit(operation, [&] { return enqueue(**entry); }, doing);
}

absl::Status VendorDriver::Copy(gpu::StreamId stream, gpu::Ticket ticket,
                                gpu::DeviceAddress destination, gpu::DeviceAddress source,
                                std::uint64_t bytes) {
  if (absl::Status status = CheckRange(destination, bytes); !status.ok()) return status;
  if (absl::Status status = CheckRange(source, bytes); !status.ok()) return status;
  const auto enqueue = [&](StreamEntry& entry) {
    const auto bounce = [&](Address* address) -> Result {
      if (entry.bounce == 0) {
        const Result result = context_->api().MemAlloc(&entry.bounce, kBounceBytes);
        if (result != kSuccess) return result;
      }
      *address = entry.bounce;
      return kSuccess;
    };
    return CopyWithin(context_->api(), entry.lane->stream(), destination, source, bytes, bounce);
  };
  return SubmitBytes(stream, ticket, bytes, enqueue, "copying");
}

absl::Status VendorDriver::CopyIn(gpu::StreamId stream, gpu::Ticket ticket,
                                  gpu::DeviceAddress destination, const void* source,
                                  std::uint64_t bytes) {
  if (absl::Status status = CheckRange(destination, bytes); !status.ok()) return status;
  const auto enqueue = [&](StreamEntry& entry) {
    return context_->api().MemcpyHtoDAsync(destination, source, bytes, entry.lane->stream());
  };
  return SubmitBytes(stream, ticket, bytes, enqueue, "copying to the device");
}

absl::Status VendorDriver::CopyOut(gpu::StreamId stream, gpu::Ticket ticket, void* destination,
                                   gpu::DeviceAddress source, std::uint64_t bytes) {
  if (absl::Status status = CheckRange(source, bytes); !status.ok()) return status;
  const auto enqueue = [&](StreamEntry& entry) {
    return context_->api().MemcpyDtoHAsync(destination, source, bytes, entry.lane->stream());
  };
  return SubmitBytes(stream, ticket, bytes, enqueue, "copying from the device");
}

absl::Status VendorDriver::Fill(gpu::StreamId stream, gpu::Ticket ticket,
                                gpu::DeviceAddress destination, std::uint64_t pattern,
                                std::uint32_t pattern_bytes, std::uint64_t bytes) {
  if (pattern_bytes != 1 && pattern_bytes != 2 && pattern_bytes != 4 && pattern_bytes != 8) {
    return BadPattern(pattern_bytes);
  }
  if (bytes % pattern_bytes != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(bytes, " bytes are not a multiple of the pattern's ", pattern_bytes));
  }
  if (absl::Status status = CheckRange(destination, bytes); !status.ok()) return status;
  const auto enqueue = [&](StreamEntry& entry) {
    return Repeat(context_->api(), entry.lane->stream(), destination, pattern, pattern_bytes,
                  bytes);
  };
  return SubmitBytes(stream, ticket, bytes, enqueue, "filling");
}

absl::Status VendorDriver::Marker(gpu::StreamId stream, gpu::Ticket ticket) {
  absl::StatusOr<StreamRef> entry = FindStream(stream);
  if (!entry.ok()) return entry.status();
  (*entry)->lane->Mark(ticket);
  return absl::OkStatus();
}

}  // namespace amdgpu::vendor
