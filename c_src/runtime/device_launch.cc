// Launches and streams.

#include <array>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "c_src/runtime/device_impl.h"

namespace amdgpu {

using protocol::CommandKind;

namespace {

// A buffer among the arguments of a launch.
struct Touched {
  BufferState* state;
  std::uint32_t offset;  // of the pointer, in the argument block
  bool write;
};

}  // namespace

absl::StatusOr<JobRef> DeviceImpl::Launch(const KernelRef& kernel_ref, const LaunchOptions& options,
                                          absl::Span<const Argument> arguments) {
  if (kernel_ref == nullptr || kernel_ref->device().get() != this) {
    return absl::InvalidArgumentError("the kernel belongs to another device");
  }
  const auto& kernel = static_cast<const KernelImpl&>(*kernel_ref);
  const Signature& signature = kernel.signature();
  if (absl::Status status = CheckShape(properties_, signature, options); !status.ok()) {
    return status;
  }

  alignas(64) std::array<std::byte, kMaxArgsBytes> block;
  std::memset(block.data(), 0, signature.args_bytes());
  absl::InlinedVector<Touched, 8> touched;
  AdaptiveLock lock(&mutex());
  // Addresses come last: a buffer that views see may yet move.
  const auto note_buffer = [&](std::size_t index, const Parameter& parameter,
                               const BufferRef& buffer) -> absl::StatusOr<gpu::DeviceAddress> {
    const int position = static_cast<int>(index);
    if (buffer->device().get() != this) {
      return signature.Error(position, "a buffer of this device", "a buffer of another device");
    }
    BufferState* const state = static_cast<const BufferImpl&>(*buffer).state().get();
    if (!state->live.load(std::memory_order_relaxed)) {
      return signature.Error(position, "a live buffer", "a buffer that was freed");
    }
    if (absl::Status status = CheckNotLost(*state->block); !status.ok()) return status;
    touched.push_back({state, parameter.offset, !parameter.read_only});
    return 0;
  };
  absl::Status status = signature.Pack(arguments, block.data(), note_buffer);
  if (status.ok()) status = CheckStream(options.stream);
  if (!status.ok()) return status;
  if (!queue_->open()) return RingFullError();
  for (const Touched& touch : touched) {
    if (!touch.write) continue;
    status = Unshare(*touch.state, options.stream, /*keep_contents=*/true);
    if (!status.ok()) return status;
  }
  for (const Touched& touch : touched) {
    const gpu::DeviceAddress address = touch.state->block->device_address();
    std::memcpy(block.data() + touch.offset, &address, sizeof(address));
  }

  auto* command = queue_->Reserve<protocol::LaunchCommand>(sizeof(protocol::LaunchCommand) +
                                                           signature.args_bytes());
  if (command == nullptr) return RingFullError();
  bool specialised;
  command->function = FunctionFor(kernel.module(), kernel.index(), options.block, &specialised);
  command->grid[0] = options.grid.x;
  command->grid[1] = options.grid.y;
  command->grid[2] = options.grid.z;
  command->block[0] = options.block.x;
  command->block[1] = options.block.y;
  command->block[2] = options.block.z;
  command->dynamic_shared_bytes = options.dynamic_shared_bytes;
  command->args_bytes = signature.args_bytes();
  std::memcpy(command + 1, block.data(), signature.args_bytes());
  CommandOrigin origin;
  origin.owner = options.owner;
  command->bytes = options.bytes;
  command->flops = options.flops;
  if (kernel.tag() != nullptr) {
    kernel.tag()->CountLaunch();
    origin.kernel = command->kernel = kernel.tag()->number;
    origin.label = command->label = telemetry_->names().Label(options.label);
  }
  JobImplRef job =
      queue_->Submit(command->header, CommandKind::kLaunch, options.stream, options.timeout_ns,
                     std::shared_ptr<const gpu::KernelInfo>(kernel.module(), &signature.info()),
                     specialised, origin);
  for (const Touched& touch : touched) {
    touch.state->block->MarkUse(options.stream, job->info().ticket, touch.write);
  }
  launches_.fetch_add(1, std::memory_order_relaxed);
  if (specialised) specialised_launches_.fetch_add(1, std::memory_order_relaxed);
  return job;
}

absl::StatusOr<gpu::StreamId> DeviceImpl::CreateStream() {
  AdaptiveLock lock(&mutex());
  for (gpu::StreamId stream = 1; stream < kMaxStreams; ++stream) {
    if (streams_[stream] || closing_streams_[stream]) continue;
    streams_[stream] = true;
    return stream;
  }
  return absl::ResourceExhaustedError(absl::StrCat("at most ", kMaxStreams, " streams"));
}

absl::Status DeviceImpl::DestroyStream(gpu::StreamId stream) {
  {
    AdaptiveLock lock(&mutex());
    absl::Status status = CheckStream(stream);
    if (status.ok() && stream == 0) status = absl::InvalidArgumentError("stream 0 always exists");
    if (!status.ok()) return status;
    streams_[stream] = false;
    closing_streams_[stream] = true;
  }
  FinishStream(stream);
  return absl::OkStatus();
}

void DeviceImpl::FinishStream(gpu::StreamId stream) {
  JobImplRef last;
  {
    AdaptiveLock lock(&mutex());
    last = queue_->JobOf(memory_->clocks().Now(stream).ticket);
  }
  if (last != nullptr) {
    // The number is free for another stream once the worker has dropped this one.
    last->Then([self = std::weak_ptr<DeviceImpl>(Self()), stream](const absl::Status&) {
      if (const std::shared_ptr<DeviceImpl> device = self.lock()) device->FinishStream(stream);
    });
    return;
  }
  service_.Post([this, self = Self(), stream] {
    if (worker_ != nullptr) {
      proto::WorkerRequest request;
      request.mutable_destroy_stream()->set_stream(stream);
      // An error is the worker's end, and with it the stream's.
      worker_->Call(std::move(request)).IgnoreError();
    }
    AdaptiveLock lock(&mutex());
    closing_streams_[stream] = false;
  });
}

absl::Status DeviceImpl::StreamWait(gpu::StreamId stream, gpu::StreamId other) {
  AdaptiveLock lock(&mutex());
  absl::Status status = CheckStream(stream);
  if (status.ok()) status = CheckStream(other);
  if (!status.ok() || stream == other) return status;
  auto* command = queue_->Reserve<protocol::StreamWaitCommand>();
  if (command == nullptr) return RingFullError();
  command->other = other;
  queue_->Submit(command->header, CommandKind::kStreamWait, stream);
  return absl::OkStatus();
}

absl::StatusOr<JobRef> DeviceImpl::Synchronize(gpu::StreamId stream) {
  AdaptiveLock lock(&mutex());
  if (absl::Status status = CheckStream(stream); !status.ok()) return status;
  auto* command = queue_->Reserve<protocol::CommandHeader>();
  if (command == nullptr) return RingFullError();
  return queue_->Submit(*command, CommandKind::kMarker, stream);
}

}  // namespace amdgpu
