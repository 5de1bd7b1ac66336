// What the library says about itself: live resources, its build, and the machine's copy speed.

#include <cstring>
#include <memory>

#include "c_src/base/build_id.h"
#include "c_src/base/clock.h"
#include "nif/atoms.h"
#include "nif/decode.h"
#include "nif/encode.h"
#include "nif/nifs.h"
#include "nif/reaper.h"
#include "nif/resources.h"

namespace amdgpu::nif {

ERL_NIF_TERM LiveResources(ErlNifEnv* env, const ERL_NIF_TERM[]) {
  return EncodeMap(env, {{atoms.device, enif_make_int64(env, Resource<DeviceResource>::live())},
                         {atoms.owner, enif_make_int64(env, Resource<OwnerResource>::live())},
                         {atoms.buffer, enif_make_int64(env, Resource<BufferResource>::live())},
                         {atoms.kernel, enif_make_int64(env, Resource<KernelResource>::live())},
                         {atoms.job, enif_make_int64(env, Resource<JobResource>::live())},
                         {atoms.stream, enif_make_int64(env, Resource<StreamResource>::live())},
                         {atoms.view, enif_make_int64(env, Resource<ViewResource>::live())}});
}

ERL_NIF_TERM DropPending(ErlNifEnv*, const ERL_NIF_TERM[]) {
  DropNow();
  return atoms.ok;
}

ERL_NIF_TERM BuildIdentity(ErlNifEnv* env, const ERL_NIF_TERM[]) {
  const std::string_view id = BuildId();
  return EncodeString(env, {id.data(), id.size()});
}

ERL_NIF_TERM BenchMemcpy(ErlNifEnv* env, const ERL_NIF_TERM argv[]) {
  const auto bytes = DecodeBytes(env, argv[0]);
  if (!bytes || bytes->empty()) return enif_make_badarg(env);
  // Touched first: a page fault is not a copy.
  const auto destination = std::make_unique<std::byte[]>(bytes->size());
  const std::uint64_t start = NowNs();
  std::memcpy(destination.get(), bytes->data(), bytes->size());
  const std::uint64_t end = NowNs();
  // Keeps the copy from being removed.
  asm volatile("" : : "r"(destination.get()) : "memory");
  return enif_make_uint64(env, end - start);
}

}  // namespace amdgpu::nif
