// The function table, and what happens when the BEAM loads the library.

#include <erl_nif.h>

#include <iterator>

#include "nif/atoms.h"
#include "nif/nifs.h"
#include "nif/reaper.h"
#include "nif/resources.h"

namespace amdgpu::nif {
namespace {

using Body = ERL_NIF_TERM (*)(ErlNifEnv* env, const ERL_NIF_TERM argv[]);

template <Body body>
ERL_NIF_TERM Call(ErlNifEnv* env, int, const ERL_NIF_TERM argv[]) {
  return body(env, argv);
}

constexpr unsigned kCpu = ERL_NIF_DIRTY_JOB_CPU_BOUND;
constexpr unsigned kIo = ERL_NIF_DIRTY_JOB_IO_BOUND;

ErlNifFunc functions[] = {
    {"compiler_start", 1, Call<CompilerStart>, kIo},
    {"compiler_stop", 0, Call<CompilerStop>, kIo},
    {"compiler_stats", 0, Call<CompilerStats>, 0},
    {"compiler_clear", 1, Call<CompilerClear>, kIo},
    {"device_probe", 2, Call<DeviceProbe>, kIo},
    {"device_open", 3, Call<DeviceOpen>, kIo},
    {"device_close", 1, Call<DeviceClose>, kIo},
    {"device_restart", 1, Call<DeviceRestart>, kIo},
    {"device_ready", 1, Call<DeviceReady>, 0},
    {"device_when_ready", 1, Call<DeviceWhenReady>, 0},
    {"device_properties", 1, Call<DeviceProperties>, 0},
    {"device_memory", 1, Call<DeviceMemory>, 0},
    {"device_stats", 1, Call<DeviceStatistics>, 0},
    {"device_set_limits", 3, Call<DeviceSetLimits>, 0},
    {"device_log_allocations", 2, Call<DeviceLogAllocations>, kIo},
    {"device_trim", 1, Call<DeviceTrim>, 0},
    {"device_synchronize", 2, Call<DeviceSynchronize>, 0},
    {"stream_create", 1, Call<StreamCreate>, kIo},
    {"stream_close", 1, Call<StreamClose>, kIo},
    {"stream_wait", 2, Call<StreamWait>, 0},
    {"buffer_new", 4, Call<BufferNew>, 0},
    {"buffer_new_slow", 4, Call<BufferNewSlow>, 0},
    {"buffer_free", 1, Call<BufferFree>, 0},
    {"buffer_give_away", 2, Call<BufferGiveAway>, 0},
    {"buffer_info", 1, Call<BufferInfo>, 0},
    {"buffer_read", 3, Call<BufferRead>, 0},
    {"buffer_write", 3, Call<BufferWrite>, 0},
    {"buffer_write_queued", 4, Call<BufferWriteQueued>, 0},
    {"buffer_copy", 6, Call<BufferCopy>, 0},
    {"buffer_fill", 3, Call<BufferFill>, 0},
    {"bundle_compile", 3, Call<BundleCompile>, kCpu},
    {"bundle_encode", 4, Call<BundleEncode>, kCpu},
    {"bundle_info", 1, Call<BundleInformation>, kCpu},
    {"kernel_load", 5, Call<KernelLoad>, kCpu},
    {"kernel_of_library", 4, Call<KernelOfLibrary>, 0},
    {"kernel_compile", 4, Call<KernelCompile>, 0},
    {"kernel_info", 1, Call<KernelInformation>, 0},
    {"kernel_put_global", 4, Call<KernelPutGlobal>, 0},
    {"kernel_get_global", 4, Call<KernelGetGlobal>, 0},
    {"kernel_occupancy", 3, Call<KernelOccupancy>, 0},
    {"kernel_launch", 3, Call<KernelLaunch>, 0},
    {"job_poll", 2, Call<JobPoll>, 0},
    {"job_subscribe", 2, Call<JobSubscribe>, 0},
    {"job_unsubscribe", 2, Call<JobUnsubscribe>, 0},
    {"job_cancel", 1, Call<JobCancel>, 0},
    {"job_kernel", 1, Call<JobKernel>, 0},
    {"job_buffer", 1, Call<JobBuffer>, 0},
    {"job_bytes", 1, Call<JobBytes>, 0},
    {"job_occupancy", 1, Call<JobOccupancy>, 0},
    {"telemetry_start", 3, Call<TelemetryStart>, kIo},
    {"telemetry_stop", 0, Call<TelemetryStop>, kIo},
    {"telemetry_set_rate", 1, Call<TelemetrySetRate>, kIo},
    {"telemetry_rate", 0, Call<TelemetryRate>, 0},
    {"telemetry_set_subscribers", 1, Call<TelemetrySetSubscribers>, 0},
    {"telemetry_ack", 1, Call<TelemetryAck>, 0},
    {"telemetry_name_owner", 3, Call<TelemetryNameOwner>, 0},
    {"telemetry_record", 3, Call<TelemetryRecord>, kIo},
    {"telemetry_stop_recording", 0, Call<TelemetryStopRecording>, kIo},
    {"telemetry_recording", 0, Call<TelemetryRecording>, 0},
    {"telemetry_replay", 6, Call<TelemetryReplay>, kIo},
    {"telemetry_stop_replay", 0, Call<TelemetryStopReplay>, kIo},
    {"telemetry_replaying", 0, Call<TelemetryReplaying>, 0},
    {"frame_decode", 2, Call<FrameDecode>, 0},
    {"frame_prune", 2, Call<FramePrune>, kCpu},
    {"frame_json", 2, Call<FrameAsJson>, kCpu},
    {"live_resource_counts", 0, Call<LiveResources>, 0},
    {"drop_pending", 0, Call<DropPending>, kIo},
    {"build_id", 0, Call<BuildIdentity>, 0},
    {"bench_memcpy", 1, Call<BenchMemcpy>, kCpu},
};

int Load(ErlNifEnv* env, void**, ERL_NIF_TERM) {
  MakeAtoms(env);
  if (!OpenResourceTypes(env)) return 1;
  StartReaper();
  return 0;
}

// New code of the module takes the resources over; the library is the same file or a newer build.
int Upgrade(ErlNifEnv* env, void**, void**, ERL_NIF_TERM load_info) {
  return Load(env, nullptr, load_info);
}

}  // namespace
}  // namespace amdgpu::nif

extern "C" __attribute__((visibility("default"))) ErlNifEntry* nif_init() {
  static ErlNifEntry entry = {ERL_NIF_MAJOR_VERSION,
                              ERL_NIF_MINOR_VERSION,
                              "Elixir.AMDGPU.Native",
                              static_cast<int>(std::size(amdgpu::nif::functions)),
                              amdgpu::nif::functions,
                              &amdgpu::nif::Load,
                              nullptr,
                              &amdgpu::nif::Upgrade,
                              nullptr,
                              ERL_NIF_VM_VARIANT,
                              1,
                              sizeof(ErlNifResourceTypeInit),
                              ERL_NIF_MIN_ERTS_VERSION};
  return &entry;
}
