// Kernels: compiling, information, global variables.

#include <limits>
#include <optional>
#include <string>
#include <utility>

#include "nif/atoms.h"
#include "nif/compile_request.h"
#include "nif/decode.h"
#include "nif/encode.h"
#include "nif/job_term.h"
#include "nif/nifs.h"
#include "nif/resources.h"

namespace amdgpu::nif {
namespace {

ERL_NIF_TERM Compile(ErlNifEnv* env, int, const ERL_NIF_TERM argv[]) {
  const auto* const resource = Resource<DeviceResource>::Get(env, argv[0]);
  const auto name = DecodeString(env, argv[2]);
  const auto core_class = DecodeString(env, argv[3]);
  if (resource == nullptr || !enif_is_map(env, argv[1]) || !name || !core_class) {
    return enif_make_badarg(env);
  }
  std::optional<proto::CompileRequest> request = DecodeRequest(env, argv[1]);
  if (!request) return enif_make_badarg(env);
  const OpenDeviceRef& device = resource->device.get();
  return MakeJob(
      env, device,
      device->device()->Compile(*std::move(request), *name, *core_class, device->CallerOf(env)));
}

}  // namespace

ERL_NIF_TERM KernelCompile(ErlNifEnv* env, const ERL_NIF_TERM argv[]) {
  ERL_NIF_TERM source;
  ErlNifBinary binary;
  if (!enif_get_map_value(env, argv[1], atoms.source, &source) ||
      !enif_inspect_binary(env, source, &binary)) {
    return enif_make_badarg(env);
  }
  if (binary.size <= kMaxQuickSourceBytes) return Compile(env, 4, argv);
  return enif_schedule_nif(env, "kernel_compile", ERL_NIF_DIRTY_JOB_CPU_BOUND, &Compile, 4, argv);
}

ERL_NIF_TERM KernelInformation(ErlNifEnv* env, const ERL_NIF_TERM argv[]) {
  const auto* const kernel = Resource<KernelResource>::Get(env, argv[0]);
  if (kernel == nullptr) return enif_make_badarg(env);
  return EncodeKernelInfo(env, *kernel->kernel);
}

ERL_NIF_TERM KernelGetGlobal(ErlNifEnv* env, const ERL_NIF_TERM argv[]) {
  const auto* const kernel = Resource<KernelResource>::Get(env, argv[0]);
  const auto name = DecodeString(env, argv[1]);
  const auto offset = DecodeUint64(env, argv[2]);
  const auto bytes = DecodeUint64(env, argv[3]);
  if (kernel == nullptr || !name || !offset || !bytes) return enif_make_badarg(env);
  const OpenDeviceRef& device = kernel->device.get();
  return MakeJob(env, device,
                 device->device()->ReadGlobal(kernel->kernel.get(), *name, *offset, *bytes));
}

ERL_NIF_TERM KernelOccupancy(ErlNifEnv* env, const ERL_NIF_TERM argv[]) {
  const auto* const kernel = Resource<KernelResource>::Get(env, argv[0]);
  const auto threads = DecodeUint64(env, argv[1]);
  const auto shared = DecodeUint64(env, argv[2]);
  constexpr std::uint64_t kMost = std::numeric_limits<std::uint32_t>::max();
  if (kernel == nullptr || !threads || !shared || *threads > kMost || *shared > kMost) {
    return enif_make_badarg(env);
  }
  const OpenDeviceRef& device = kernel->device.get();
  return MakeJob(
      env, device,
      device->device()->AskOccupancy(kernel->kernel.get(), static_cast<std::uint32_t>(*threads),
                                     static_cast<std::uint32_t>(*shared)));
}

ERL_NIF_TERM JobOccupancy(ErlNifEnv* env, const ERL_NIF_TERM argv[]) {
  const auto* const job = Resource<JobResource>::Get(env, argv[0]);
  if (job == nullptr || !job->job->done()) return enif_make_badarg(env);
  const BufferView view = job->job->view();
  proto::Occupancy occupancy;
  if (!occupancy.ParseFromArray(view.bytes.data(), static_cast<int>(view.bytes.size()))) {
    return enif_make_badarg(env);
  }
  return EncodeOccupancy(env, occupancy);
}

ERL_NIF_TERM KernelPutGlobal(ErlNifEnv* env, const ERL_NIF_TERM argv[]) {
  const auto* const kernel = Resource<KernelResource>::Get(env, argv[0]);
  const auto name = DecodeString(env, argv[1]);
  const auto offset = DecodeUint64(env, argv[2]);
  const auto bytes = DecodeBytes(env, argv[3]);
  if (kernel == nullptr || !name || !offset || !bytes) return enif_make_badarg(env);
  const OpenDeviceRef& device = kernel->device.get();
  return MakeJob(env, device,
                 device->device()->WriteGlobal(kernel->kernel.get(), *name, *offset, *bytes));
}

}  // namespace amdgpu::nif
