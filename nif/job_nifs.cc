// Waiting for work: polling, subscribing, and what a finished job made.

#include <memory>
#include <utility>

#include "nif/atoms.h"
#include "nif/decode.h"
#include "nif/encode.h"
#include "nif/job_term.h"
#include "nif/message.h"
#include "nif/nifs.h"
#include "nif/resources.h"

namespace amdgpu::nif {
namespace {

// A timeslice of the BEAM is about a millisecond; this is one percent of it.
constexpr std::uint64_t kNsPerPercentOfTimeslice = 10'000;

}  // namespace

ERL_NIF_TERM MakeJob(ErlNifEnv* env, const OpenDeviceRef& device, JobRef job) {
  return Resource<JobResource>::Make(env, {Deferred(device), Deferred(std::move(job))});
}

ERL_NIF_TERM EncodeJob(ErlNifEnv* env, const OpenDeviceRef& device, absl::StatusOr<JobRef> job) {
  if (!job.ok()) return EncodeError(env, job.status(), device.get());
  return EncodeOk(env, MakeJob(env, device, *std::move(job)));
}

absl::StatusOr<gpu::StreamId> DecodeStream(ErlNifEnv* env, ERL_NIF_TERM term,
                                           const OpenDeviceRef& device) {
  if (term == atoms.nil) return gpu::StreamId{0};
  const auto* const stream = Resource<StreamResource>::Get(env, term);
  if (stream == nullptr) return absl::InvalidArgumentError("expected a stream");
  if (stream->device.get() != device) {
    return absl::InvalidArgumentError("the stream is of another device");
  }
  if (!stream->stream->open()) return absl::FailedPreconditionError("the stream is closed");
  return stream->stream->id();
}

ERL_NIF_TERM JobPoll(ErlNifEnv* env, const ERL_NIF_TERM argv[]) {
  const auto* const job = Resource<JobResource>::Get(env, argv[0]);
  const auto spin_ns = DecodeUint64(env, argv[1]);
  if (job == nullptr || !spin_ns) return enif_make_badarg(env);
  if (!job->job->Poll(*spin_ns)) {
    if (*spin_ns >= kNsPerPercentOfTimeslice) {
      enif_consume_timeslice(env, static_cast<int>(*spin_ns / kNsPerPercentOfTimeslice));
    }
    return atoms.pending;
  }
  const absl::Status status = job->job->status();
  if (!status.ok()) {
    return enif_make_tuple2(env, atoms.error, EncodeStatus(env, status, job->device.get().get()));
  }
  const LaunchInfo info = job->job->info();
  return enif_make_tuple5(env, atoms.ok, enif_make_uint64(env, info.queued_ns),
                          enif_make_uint64(env, info.started_ns),
                          enif_make_uint64(env, info.ended_ns), MakeBool(info.specialised));
}

ERL_NIF_TERM JobSubscribe(ErlNifEnv* env, const ERL_NIF_TERM argv[]) {
  const auto* const job = Resource<JobResource>::Get(env, argv[0]);
  ErlNifPid self;
  if (job == nullptr || !enif_is_ref(env, argv[1]) || enif_self(env, &self) == nullptr) {
    return enif_make_badarg(env);
  }
  auto message = std::make_shared<Message>(self);
  const ERL_NIF_TERM term =
      enif_make_tuple2(message->env(), enif_make_copy(message->env(), argv[1]), atoms.done);
  return enif_make_uint64(
      env, job->job->Subscribe([message = std::move(message), term] { message->Send(term); }));
}

ERL_NIF_TERM JobUnsubscribe(ErlNifEnv* env, const ERL_NIF_TERM argv[]) {
  const auto* const job = Resource<JobResource>::Get(env, argv[0]);
  const auto subscription = DecodeUint64(env, argv[1]);
  if (job == nullptr || !subscription) return enif_make_badarg(env);
  return MakeBool(job->job->Unsubscribe(*subscription));
}

ERL_NIF_TERM JobCancel(ErlNifEnv* env, const ERL_NIF_TERM argv[]) {
  const auto* const job = Resource<JobResource>::Get(env, argv[0]);
  if (job == nullptr) return enif_make_badarg(env);
  return MakeBool(job->job->Cancel());
}

ERL_NIF_TERM JobKernel(ErlNifEnv* env, const ERL_NIF_TERM argv[]) {
  const auto* const job = Resource<JobResource>::Get(env, argv[0]);
  if (job == nullptr || !job->job->done()) return enif_make_badarg(env);
  KernelRef kernel = job->job->kernel();
  if (kernel == nullptr) return enif_make_badarg(env);
  const ERL_NIF_TERM term = Resource<KernelResource>::Make(
      env, {Deferred(job->device.get()), Deferred(std::move(kernel))});
  return enif_make_tuple2(env, term, EncodeOrigin(job->job->origin()));
}

ERL_NIF_TERM JobBuffer(ErlNifEnv* env, const ERL_NIF_TERM argv[]) {
  const auto* const job = Resource<JobResource>::Get(env, argv[0]);
  if (job == nullptr || !job->job->done()) return enif_make_badarg(env);
  BufferRef buffer = job->job->buffer();
  if (buffer == nullptr) return enif_make_badarg(env);
  return Resource<BufferResource>::Make(env,
                                        {Deferred(job->device.get()), Deferred(std::move(buffer))});
}

}  // namespace amdgpu::nif
