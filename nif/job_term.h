// Jobs as terms, and the stream that a call names: what several files of NIFs share.

#ifndef AMDGPU_NIF_JOB_TERM_H_
#define AMDGPU_NIF_JOB_TERM_H_

#include <erl_nif.h>

#include "absl/status/statusor.h"
#include "c_src/runtime/device.h"
#include "nif/open_device.h"

namespace amdgpu::nif {

// A reference to `job`.
ERL_NIF_TERM MakeJob(ErlNifEnv* env, const OpenDeviceRef& device, JobRef job);
// {:ok, job}, :unavailable or {:error, reason}.
ERL_NIF_TERM EncodeJob(ErlNifEnv* env, const OpenDeviceRef& device, absl::StatusOr<JobRef> job);
// nil (the default stream) or a reference to an open stream of `device`. kInvalidArgument for other
// terms, kFailedPrecondition for a closed stream.
absl::StatusOr<gpu::StreamId> DecodeStream(ErlNifEnv* env, ERL_NIF_TERM term,
                                           const OpenDeviceRef& device);

}  // namespace amdgpu::nif

#endif  // AMDGPU_NIF_JOB_TERM_H_
