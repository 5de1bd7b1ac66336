// The hot path: one launch, on a normal scheduler.

#include <variant>

#include "nif/decode.h"
#include "nif/encode.h"
#include "nif/job_term.h"
#include "nif/nifs.h"
#include "nif/resources.h"

namespace amdgpu::nif {

ERL_NIF_TERM KernelLaunch(ErlNifEnv* env, const ERL_NIF_TERM argv[]) {
  const auto* const resource = Resource<KernelResource>::Get(env, argv[0]);
  if (resource == nullptr || !enif_is_list(env, argv[1]) || !enif_is_list(env, argv[2])) {
    return enif_make_badarg(env);
  }
  const OpenDeviceRef& device = resource->device.get();
  auto options = DecodeLaunchOptions(env, argv[1], *resource);
  if (const auto* bad = std::get_if<BadTerm>(&options)) {
    return EncodeBadTerm(env, *resource->kernel, *bad);
  }
  const auto arguments = DecodeArguments(env, argv[2], *resource->kernel);
  if (const auto* bad = std::get_if<BadTerm>(&arguments)) {
    return EncodeBadTerm(env, *resource->kernel, *bad);
  }
  std::get<LaunchOptions>(options).owner = device->CallerOf(env);
  return EncodeJob(
      env, device,
      device->device()->Launch(resource->kernel.get(), std::get<LaunchOptions>(options),
                               std::get<Arguments>(arguments)));
}

}  // namespace amdgpu::nif
