// Devices, streams and the compiler process.

#include <memory>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "c_src/runtime/probe.h"
#include "nif/atoms.h"
#include "nif/compiler.h"
#include "nif/decode.h"
#include "nif/encode.h"
#include "nif/job_term.h"
#include "nif/message.h"
#include "nif/nifs.h"
#include "nif/resources.h"
#include "nif/telemetry.h"

namespace amdgpu::nif {
namespace {

DeviceOptions DecodeDeviceOptions(ErlNifEnv* env, ERL_NIF_TERM map) {
  DeviceOptions options;
  options.kind = GetString(env, map, atoms.kind);
  options.index = static_cast<std::uint32_t>(GetUint64(env, map, atoms.index, 0));
  options.worker_path = GetString(env, map, atoms.worker_path);
  options.memory_limit_bytes = GetUint64(env, map, atoms.memory_limit, 0);
  options.owner_limit_bytes = GetUint64(env, map, atoms.owner_limit, 0);
  options.slab_bytes = GetUint64(env, map, atoms.slab_bytes, options.slab_bytes);
  options.threads = static_cast<std::uint32_t>(GetUint64(env, map, atoms.threads, 0));
  options.specialise = GetBool(env, map, atoms.specialise, true);
  options.allocation_log = GetString(env, map, atoms.allocation_log);
  return options;
}

// Sends {:amdgpu_worker_exit, generation, error} to `server` and {:amdgpu_print, text} to
// `printer`.
DeviceCallbacks MakeCallbacks(const ErlNifPid& server, const ErlNifPid& printer) {
  DeviceCallbacks callbacks;
  callbacks.on_worker_exit = [server](const WorkerExit& exit) {
    Message message(server);
    ErlNifEnv* const env = message.env();
    message.Send(enif_make_tuple3(env, atoms.amdgpu_worker_exit,
                                  enif_make_uint64(env, exit.generation),
                                  EncodeStatus(env, exit.reason, nullptr)));
  };
  callbacks.on_print = [printer](absl::string_view text) {
    Message message(printer);
    ErlNifEnv* const env = message.env();
    message.Send(enif_make_tuple2(env, atoms.amdgpu_print, EncodeString(env, text)));
  };
  return callbacks;
}

}  // namespace

ERL_NIF_TERM CompilerStart(ErlNifEnv* env, const ERL_NIF_TERM argv[]) {
  if (!enif_is_map(env, argv[0])) return enif_make_badarg(env);
  CompileServiceOptions options;
  options.compiler_path = GetString(env, argv[0], atoms.compiler_path);
  options.vendor_compiler_path = GetString(env, argv[0], atoms.vendor_compiler_path);
  options.cache_dir = GetString(env, argv[0], atoms.cache_dir);
  options.use_disk = GetBool(env, argv[0], atoms.use_disk, true);
  options.disk_limit_bytes = GetUint64(env, argv[0], atoms.disk_limit, options.disk_limit_bytes);
  return EncodeResult(env, StartCompiler(options), nullptr);
}

ERL_NIF_TERM CompilerStop(ErlNifEnv*, const ERL_NIF_TERM[]) {
  StopCompiler();
  return atoms.ok;
}

ERL_NIF_TERM CompilerStats(ErlNifEnv* env, const ERL_NIF_TERM[]) {
  const std::shared_ptr<CompileService> service = Compiler();
  if (service == nullptr) return atoms.nil;
  const CompileServiceStats stats = service->stats();
  return EncodeMap(env, {{atoms.memory_hits, enif_make_uint64(env, stats.memory_hits)},
                         {atoms.disk_hits, enif_make_uint64(env, stats.disk_hits)},
                         {atoms.compiled, enif_make_uint64(env, stats.compiled)},
                         {atoms.failed, enif_make_uint64(env, stats.failed)},
                         {atoms.joined, enif_make_uint64(env, stats.joined)},
                         {atoms.crashes, enif_make_uint64(env, stats.crashes)},
                         {atoms.disk_errors, enif_make_uint64(env, stats.disk_errors)},
                         {atoms.disk_bytes, enif_make_uint64(env, stats.disk_bytes)},
                         {atoms.cache_dir, EncodeString(env, service->cache_dir())}});
}

ERL_NIF_TERM CompilerClear(ErlNifEnv* env, const ERL_NIF_TERM argv[]) {
  const std::optional<bool> disk = DecodeBool(argv[0]);
  if (!disk) return enif_make_badarg(env);
  if (const std::shared_ptr<CompileService> service = Compiler()) service->Clear(*disk);
  return atoms.ok;
}

ERL_NIF_TERM DeviceProbe(ErlNifEnv* env, const ERL_NIF_TERM argv[]) {
  const auto worker_path = DecodeString(env, argv[0]);
  const auto kind = DecodeString(env, argv[1]);
  if (!worker_path || !kind) return enif_make_badarg(env);
  return EncodeProbe(env, ProbeDevices(*worker_path, *kind));
}

ERL_NIF_TERM DeviceOpen(ErlNifEnv* env, const ERL_NIF_TERM argv[]) {
  ErlNifPid server;
  ErlNifPid printer;
  if (!enif_is_map(env, argv[0]) || !enif_get_local_pid(env, argv[1], &server) ||
      !enif_get_local_pid(env, argv[2], &printer)) {
    return enif_make_badarg(env);
  }
  DeviceOptions options = DecodeDeviceOptions(env, argv[0]);
  options.telemetry = Telemetry();
  absl::StatusOr<DeviceRef> device =
      Device::Open(std::move(options), Compiler(), MakeCallbacks(server, printer));
  if (!device.ok()) return EncodeError(env, device.status(), nullptr);
  DeviceResource* const resource = Resource<DeviceResource>::Allocate(
      {Deferred(std::make_shared<OpenDevice>(*std::move(device)))});
  const ERL_NIF_TERM term = enif_make_resource(env, resource);
  // The device closes when its server has ended, however that came.
  const int monitored = enif_monitor_process(env, resource, &server, nullptr);
  if (monitored != 0) resource->device->device()->Close();
  enif_release_resource(resource);
  return EncodeOk(env, term);
}

ERL_NIF_TERM DeviceClose(ErlNifEnv* env, const ERL_NIF_TERM argv[]) {
  const auto* const device = Resource<DeviceResource>::Get(env, argv[0]);
  if (device == nullptr) return enif_make_badarg(env);
  device->device->device()->Close();
  return atoms.ok;
}

ERL_NIF_TERM DeviceRestart(ErlNifEnv* env, const ERL_NIF_TERM argv[]) {
  const auto* const device = Resource<DeviceResource>::Get(env, argv[0]);
  if (device == nullptr) return enif_make_badarg(env);
  return EncodeResult(env, device->device->device()->Restart(), device->device.get().get());
}

ERL_NIF_TERM DeviceReady(ErlNifEnv* env, const ERL_NIF_TERM argv[]) {
  const auto* const device = Resource<DeviceResource>::Get(env, argv[0]);
  if (device == nullptr) return enif_make_badarg(env);
  return MakeBool(device->device->device()->ready());
}

ERL_NIF_TERM DeviceWhenReady(ErlNifEnv* env, const ERL_NIF_TERM argv[]) {
  const auto* const device = Resource<DeviceResource>::Get(env, argv[0]);
  if (device == nullptr) return enif_make_badarg(env);
  return MakeJob(env, device->device.get(), device->device->device()->WhenReady());
}

ERL_NIF_TERM DeviceProperties(ErlNifEnv* env, const ERL_NIF_TERM argv[]) {
  const auto* const device = Resource<DeviceResource>::Get(env, argv[0]);
  if (device == nullptr) return enif_make_badarg(env);
  return EncodeProperties(env, device->device->device()->properties());
}

ERL_NIF_TERM DeviceMemory(ErlNifEnv* env, const ERL_NIF_TERM argv[]) {
  const auto* const device = Resource<DeviceResource>::Get(env, argv[0]);
  if (device == nullptr) return enif_make_badarg(env);
  return EncodeMemory(env, device->device->device()->Memory(), *device->device);
}

ERL_NIF_TERM DeviceStatistics(ErlNifEnv* env, const ERL_NIF_TERM argv[]) {
  const auto* const device = Resource<DeviceResource>::Get(env, argv[0]);
  if (device == nullptr) return enif_make_badarg(env);
  return EncodeStats(env, device->device->device()->Stats());
}

ERL_NIF_TERM DeviceSetLimits(ErlNifEnv* env, const ERL_NIF_TERM argv[]) {
  const auto* const device = Resource<DeviceResource>::Get(env, argv[0]);
  const auto device_bytes = DecodeUint64(env, argv[1]);
  const auto owner_bytes = DecodeUint64(env, argv[2]);
  if (device == nullptr || !device_bytes || !owner_bytes) return enif_make_badarg(env);
  return EncodeResult(env, device->device->device()->SetLimits(*device_bytes, *owner_bytes),
                      device->device.get().get());
}

ERL_NIF_TERM DeviceLogAllocations(ErlNifEnv* env, const ERL_NIF_TERM argv[]) {
  const auto* const device = Resource<DeviceResource>::Get(env, argv[0]);
  const auto path = DecodeString(env, argv[1]);
  if (device == nullptr || !path) return enif_make_badarg(env);
  return EncodeResult(env, device->device->device()->SetAllocationLog(*path),
                      device->device.get().get());
}

ERL_NIF_TERM DeviceTrim(ErlNifEnv* env, const ERL_NIF_TERM argv[]) {
  const auto* const device = Resource<DeviceResource>::Get(env, argv[0]);
  if (device == nullptr) return enif_make_badarg(env);
  return MakeJob(env, device->device.get(), device->device->device()->Trim());
}

ERL_NIF_TERM DeviceSynchronize(ErlNifEnv* env, const ERL_NIF_TERM argv[]) {
  const auto* const device = Resource<DeviceResource>::Get(env, argv[0]);
  if (device == nullptr) return enif_make_badarg(env);
  const auto stream = DecodeStream(env, argv[1], device->device.get());
  if (!stream.ok()) return EncodeError(env, stream.status(), device->device.get().get());
  return EncodeJob(env, device->device.get(), device->device->device()->Synchronize(*stream));
}

ERL_NIF_TERM StreamCreate(ErlNifEnv* env, const ERL_NIF_TERM argv[]) {
  const auto* const resource = Resource<DeviceResource>::Get(env, argv[0]);
  if (resource == nullptr) return enif_make_badarg(env);
  const OpenDeviceRef& device = resource->device.get();
  const absl::StatusOr<gpu::StreamId> stream = device->device()->CreateStream();
  if (!stream.ok()) return EncodeError(env, stream.status(), device.get());
  auto handle = std::make_shared<StreamHandle>(device->device(), *stream);
  return EncodeOk(
      env, Resource<StreamResource>::Make(env, {Deferred(device), Deferred(std::move(handle))}));
}

ERL_NIF_TERM StreamClose(ErlNifEnv* env, const ERL_NIF_TERM argv[]) {
  const auto* const stream = Resource<StreamResource>::Get(env, argv[0]);
  if (stream == nullptr) return enif_make_badarg(env);
  return EncodeResult(env, stream->stream->Close(), stream->device.get().get());
}

ERL_NIF_TERM StreamWait(ErlNifEnv* env, const ERL_NIF_TERM argv[]) {
  const auto* const stream = Resource<StreamResource>::Get(env, argv[0]);
  if (stream == nullptr) return enif_make_badarg(env);
  const OpenDeviceRef& device = stream->device.get();
  const auto other = DecodeStream(env, argv[1], device);
  if (!other.ok()) return EncodeError(env, other.status(), device.get());
  return EncodeResult(env, device->device()->StreamWait(stream->stream->id(), *other),
                      device.get());
}

}  // namespace amdgpu::nif
