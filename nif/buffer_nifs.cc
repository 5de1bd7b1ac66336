// Device memory: allocating, freeing, moving bytes.

#include <cstring>
#include <memory>
#include <optional>
#include <utility>

#include "nif/atoms.h"
#include "nif/decode.h"
#include "nif/encode.h"
#include "nif/job_term.h"
#include "nif/nifs.h"
#include "nif/resources.h"

namespace amdgpu::nif {
namespace {

// A fence may be passed by new work before the bytes are looked at; how often to begin again before
// the caller is told to wait a little.
constexpr int kFenceAttempts = 3;

struct Allocation {
  OpenDeviceRef device;
  proto::DType dtype = proto::DTYPE_NONE;
  std::uint64_t elements = 0;
  OwnerId owner = 0;
  gpu::StreamId stream = 0;
};

// argv: device, dtype, elements, stream. The owner is the calling process.
absl::StatusOr<Allocation> DecodeAllocation(ErlNifEnv* env, const ERL_NIF_TERM argv[]) {
  const auto* const device = Resource<DeviceResource>::Get(env, argv[0]);
  const auto dtype = DecodeDType(argv[1]);
  const auto elements = DecodeUint64(env, argv[2]);
  ErlNifPid self;
  if (device == nullptr || !dtype || !elements || enif_self(env, &self) == nullptr) {
    return absl::InvalidArgumentError("expected a device, an element type and a number");
  }
  const auto stream = DecodeStream(env, argv[3], device->device.get());
  if (!stream.ok()) return stream.status();
  const std::optional<OwnerId> owner = device->device->OwnerOf(env, self);
  if (!owner) return absl::AbortedError("the calling process is ending");
  return Allocation{device->device.get(), *dtype, *elements, *owner, *stream};
}

// {:ok, binary} without a copy from 64 KiB up: the binary looks at the memory and keeps it.
ERL_NIF_TERM MakeBinary(ErlNifEnv* env, BufferView view) {
  const absl::Span<const std::byte> bytes = view.bytes;
  if (bytes.size() < kMaxQuickCopyBytes) {
    return EncodeString(env, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  }
  ViewResource* const resource =
      Resource<ViewResource>::Allocate({Deferred<const void>(std::move(view.keep_alive))});
  const ERL_NIF_TERM term = enif_make_resource_binary(env, resource, bytes.data(), bytes.size());
  enif_release_resource(resource);
  return term;
}

// A binary from Elixir in an environment of its own, which keeps it.
struct HeldBinary {
  HeldBinary() : env(enif_alloc_env()) {}
  ~HeldBinary() { enif_free_env(env); }
  HeldBinary(const HeldBinary&) = delete;
  HeldBinary& operator=(const HeldBinary&) = delete;

  ErlNifEnv* const env;
  ErlNifBinary binary = {};
};

// {:upload, job}: the device's memory cannot be seen from here.
ERL_NIF_TERM Upload(ErlNifEnv* env, const OpenDeviceRef& device, const BufferRef& buffer,
                    std::uint64_t offset, ERL_NIF_TERM bytes) {
  const auto held = std::make_shared<HeldBinary>();
  enif_inspect_binary(held->env, enif_make_copy(held->env, bytes), &held->binary);
  absl::StatusOr<JobRef> job = device->device()->Upload(
      buffer, offset, {reinterpret_cast<const std::byte*>(held->binary.data), held->binary.size},
      held);
  if (!job.ok()) return EncodeError(env, job.status(), device.get());
  return enif_make_tuple2(env, atoms.upload, MakeJob(env, device, *std::move(job)));
}

ERL_NIF_TERM EncodeWait(ErlNifEnv* env, const OpenDeviceRef& device, JobRef job) {
  return enif_make_tuple2(env, atoms.wait, MakeJob(env, device, std::move(job)));
}

// argv: buffer, offset, bytes.
ERL_NIF_TERM Write(ErlNifEnv* env, int, const ERL_NIF_TERM argv[]) {
  const auto* const resource = Resource<BufferResource>::Get(env, argv[0]);
  const auto offset = DecodeUint64(env, argv[1]);
  const auto bytes = DecodeBytes(env, argv[2]);
  if (resource == nullptr || !offset || !bytes) return enif_make_badarg(env);
  const OpenDeviceRef& device = resource->device.get();
  const BufferRef& buffer = resource->buffer.get();
  for (int attempt = 0; attempt < kFenceAttempts; ++attempt) {
    absl::StatusOr<JobRef> fence = device->device()->WriteFence(buffer);
    if (!fence.ok()) return EncodeError(env, fence.status(), device.get());
    if (*fence != nullptr) return EncodeWait(env, device, *std::move(fence));
    if (!device->device()->properties().host_visible()) {
      return Upload(env, device, buffer, *offset, argv[2]);
    }
    const absl::Status written = device->device()->Write(buffer, *offset, *bytes);
    if (!absl::IsUnavailable(written)) return EncodeResult(env, written, device.get());
  }
  return atoms.unavailable;
}

}  // namespace

ERL_NIF_TERM JobBytes(ErlNifEnv* env, const ERL_NIF_TERM argv[]) {
  const auto* const job = Resource<JobResource>::Get(env, argv[0]);
  if (job == nullptr || !job->job->done()) return enif_make_badarg(env);
  return MakeBinary(env, job->job->view());
}

ERL_NIF_TERM BufferNew(ErlNifEnv* env, const ERL_NIF_TERM argv[]) {
  const absl::StatusOr<Allocation> a = DecodeAllocation(env, argv);
  if (!a.ok()) return EncodeError(env, a.status(), nullptr);
  absl::StatusOr<BufferRef> buffer =
      a->device->device()->Allocate(a->dtype, a->elements, a->owner, a->stream);
  if (!buffer.ok()) return EncodeError(env, buffer.status(), a->device.get());
  return EncodeOk(env, Resource<BufferResource>::Make(
                           env, {Deferred(a->device), Deferred(*std::move(buffer))}));
}

ERL_NIF_TERM BufferNewSlow(ErlNifEnv* env, const ERL_NIF_TERM argv[]) {
  const absl::StatusOr<Allocation> a = DecodeAllocation(env, argv);
  if (!a.ok()) return EncodeError(env, a.status(), nullptr);
  return EncodeOk(
      env, MakeJob(env, a->device,
                   a->device->device()->AllocateSlow(a->dtype, a->elements, a->owner, a->stream)));
}

ERL_NIF_TERM BufferFree(ErlNifEnv* env, const ERL_NIF_TERM argv[]) {
  const auto* const buffer = Resource<BufferResource>::Get(env, argv[0]);
  if (buffer == nullptr) return enif_make_badarg(env);
  const OpenDeviceRef& device = buffer->device.get();
  return EncodeResult(env, device->device()->Free(buffer->buffer.get()), device.get());
}

ERL_NIF_TERM BufferGiveAway(ErlNifEnv* env, const ERL_NIF_TERM argv[]) {
  const auto* const buffer = Resource<BufferResource>::Get(env, argv[0]);
  ErlNifPid pid;
  if (buffer == nullptr || !enif_get_local_pid(env, argv[1], &pid)) return enif_make_badarg(env);
  const OpenDeviceRef& device = buffer->device.get();
  const std::optional<OwnerId> owner = device->OwnerOf(env, pid);
  if (!owner) {
    return EncodeError(env, absl::NotFoundError("the process to give the buffer to has ended"),
                       device.get());
  }
  return EncodeResult(env, device->device()->GiveAway(buffer->buffer.get(), *owner), device.get());
}

ERL_NIF_TERM BufferInfo(ErlNifEnv* env, const ERL_NIF_TERM argv[]) {
  const auto* const buffer = Resource<BufferResource>::Get(env, argv[0]);
  if (buffer == nullptr) return enif_make_badarg(env);
  const std::optional<ErlNifPid> owner = buffer->device->PidOf(buffer->buffer->owner());
  return EncodeMap(env, {{atoms.live, MakeBool(buffer->buffer->live())},
                         {atoms.dtype, EncodeDType(buffer->buffer->dtype())},
                         {atoms.elements, enif_make_uint64(env, buffer->buffer->elements())},
                         {atoms.bytes, enif_make_uint64(env, buffer->buffer->bytes())},
                         {atoms.owner, owner ? enif_make_pid(env, &*owner) : atoms.nil}});
}

ERL_NIF_TERM BufferRead(ErlNifEnv* env, const ERL_NIF_TERM argv[]) {
  const auto* const resource = Resource<BufferResource>::Get(env, argv[0]);
  const auto offset = DecodeUint64(env, argv[1]);
  const auto bytes = DecodeUint64(env, argv[2]);
  if (resource == nullptr || !offset || !bytes) return enif_make_badarg(env);
  const OpenDeviceRef& device = resource->device.get();
  const BufferRef& buffer = resource->buffer.get();
  for (int attempt = 0; attempt < kFenceAttempts; ++attempt) {
    absl::StatusOr<JobRef> fence = device->device()->ReadFence(buffer);
    if (!fence.ok()) return EncodeError(env, fence.status(), device.get());
    if (*fence != nullptr) return EncodeWait(env, device, *std::move(fence));
    if (!device->device()->properties().host_visible()) {
      absl::StatusOr<JobRef> job = device->device()->Download(buffer, *offset, *bytes);
      if (!job.ok()) return EncodeError(env, job.status(), device.get());
      return enif_make_tuple2(env, atoms.download, MakeJob(env, device, *std::move(job)));
    }
    absl::StatusOr<BufferView> view = device->device()->View(buffer, *offset, *bytes);
    if (view.ok()) return EncodeOk(env, MakeBinary(env, *std::move(view)));
    if (!absl::IsUnavailable(view.status())) return EncodeError(env, view.status(), device.get());
  }
  return atoms.unavailable;
}

ERL_NIF_TERM BufferWrite(ErlNifEnv* env, const ERL_NIF_TERM argv[]) {
  const auto bytes = DecodeBytes(env, argv[2]);
  if (!bytes) return enif_make_badarg(env);
  if (bytes->size() <= kMaxQuickCopyBytes) return Write(env, 3, argv);
  return enif_schedule_nif(env, "buffer_write", ERL_NIF_DIRTY_JOB_CPU_BOUND, &Write, 3, argv);
}

ERL_NIF_TERM BufferWriteQueued(ErlNifEnv* env, const ERL_NIF_TERM argv[]) {
  const auto* const buffer = Resource<BufferResource>::Get(env, argv[0]);
  const auto offset = DecodeUint64(env, argv[1]);
  const auto bytes = DecodeBytes(env, argv[2]);
  if (buffer == nullptr || !offset || !bytes) return enif_make_badarg(env);
  const OpenDeviceRef& device = buffer->device.get();
  const auto stream = DecodeStream(env, argv[3], device);
  if (!stream.ok()) return EncodeError(env, stream.status(), device.get());
  return EncodeJob(env, device,
                   device->device()->WriteQueued(buffer->buffer.get(), *offset, *bytes, *stream));
}

ERL_NIF_TERM BufferCopy(ErlNifEnv* env, const ERL_NIF_TERM argv[]) {
  const auto* const destination = Resource<BufferResource>::Get(env, argv[0]);
  const auto destination_offset = DecodeUint64(env, argv[1]);
  const auto* const source = Resource<BufferResource>::Get(env, argv[2]);
  const auto source_offset = DecodeUint64(env, argv[3]);
  const auto bytes = DecodeUint64(env, argv[4]);
  if (destination == nullptr || source == nullptr || !destination_offset || !source_offset ||
      !bytes) {
    return enif_make_badarg(env);
  }
  const OpenDeviceRef& device = destination->device.get();
  const auto stream = DecodeStream(env, argv[5], device);
  if (!stream.ok()) return EncodeError(env, stream.status(), device.get());
  return EncodeJob(env, device,
                   device->device()->Copy(destination->buffer.get(), *destination_offset,
                                          source->buffer.get(), *source_offset, *bytes, *stream));
}

ERL_NIF_TERM BufferFill(ErlNifEnv* env, const ERL_NIF_TERM argv[]) {
  const auto* const buffer = Resource<BufferResource>::Get(env, argv[0]);
  const auto pattern = DecodeBytes(env, argv[1]);
  if (buffer == nullptr || !pattern) return enif_make_badarg(env);
  const OpenDeviceRef& device = buffer->device.get();
  const auto stream = DecodeStream(env, argv[2], device);
  if (!stream.ok()) return EncodeError(env, stream.status(), device.get());
  return EncodeJob(env, device, device->device()->Fill(buffer->buffer.get(), *pattern, *stream));
}

}  // namespace amdgpu::nif
