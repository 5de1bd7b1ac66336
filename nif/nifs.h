// The functions that library.cc puts into the table, one file per subject. Arguments and results
// are documented where people read them: elixir_app/amdgpu/lib/amdgpu/native.ex.

#ifndef AMDGPU_NIF_NIFS_H_
#define AMDGPU_NIF_NIFS_H_

#include <erl_nif.h>

#include <cstddef>

namespace amdgpu::nif {

// Largest copy made on a normal scheduler.
inline constexpr std::size_t kMaxQuickCopyBytes = 64 * 1024;
// Longest source hashed on a normal scheduler.
inline constexpr std::size_t kMaxQuickSourceBytes = 16 * 1024;

// compiler process
ERL_NIF_TERM CompilerStart(ErlNifEnv* env, const ERL_NIF_TERM argv[]);
ERL_NIF_TERM CompilerStop(ErlNifEnv* env, const ERL_NIF_TERM argv[]);
ERL_NIF_TERM CompilerStats(ErlNifEnv* env, const ERL_NIF_TERM argv[]);
ERL_NIF_TERM CompilerClear(ErlNifEnv* env, const ERL_NIF_TERM argv[]);

// devices and streams
ERL_NIF_TERM DeviceProbe(ErlNifEnv* env, const ERL_NIF_TERM argv[]);
ERL_NIF_TERM DeviceOpen(ErlNifEnv* env, const ERL_NIF_TERM argv[]);
ERL_NIF_TERM DeviceClose(ErlNifEnv* env, const ERL_NIF_TERM argv[]);
ERL_NIF_TERM DeviceRestart(ErlNifEnv* env, const ERL_NIF_TERM argv[]);
ERL_NIF_TERM DeviceReady(ErlNifEnv* env, const ERL_NIF_TERM argv[]);
ERL_NIF_TERM DeviceWhenReady(ErlNifEnv* env, const ERL_NIF_TERM argv[]);
ERL_NIF_TERM DeviceProperties(ErlNifEnv* env, const ERL_NIF_TERM argv[]);
ERL_NIF_TERM DeviceMemory(ErlNifEnv* env, const ERL_NIF_TERM argv[]);
ERL_NIF_TERM DeviceStatistics(ErlNifEnv* env, const ERL_NIF_TERM argv[]);
ERL_NIF_TERM DeviceSetLimits(ErlNifEnv* env, const ERL_NIF_TERM argv[]);
ERL_NIF_TERM DeviceLogAllocations(ErlNifEnv* env, const ERL_NIF_TERM argv[]);
ERL_NIF_TERM DeviceTrim(ErlNifEnv* env, const ERL_NIF_TERM argv[]);
ERL_NIF_TERM DeviceSynchronize(ErlNifEnv* env, const ERL_NIF_TERM argv[]);
ERL_NIF_TERM StreamCreate(ErlNifEnv* env, const ERL_NIF_TERM argv[]);
ERL_NIF_TERM StreamClose(ErlNifEnv* env, const ERL_NIF_TERM argv[]);
ERL_NIF_TERM StreamWait(ErlNifEnv* env, const ERL_NIF_TERM argv[]);

// buffers
ERL_NIF_TERM BufferNew(ErlNifEnv* env, const ERL_NIF_TERM argv[]);
ERL_NIF_TERM BufferNewSlow(ErlNifEnv* env, const ERL_NIF_TERM argv[]);
ERL_NIF_TERM BufferFree(ErlNifEnv* env, const ERL_NIF_TERM argv[]);
ERL_NIF_TERM BufferGiveAway(ErlNifEnv* env, const ERL_NIF_TERM argv[]);
ERL_NIF_TERM BufferInfo(ErlNifEnv* env, const ERL_NIF_TERM argv[]);
ERL_NIF_TERM BufferRead(ErlNifEnv* env, const ERL_NIF_TERM argv[]);
ERL_NIF_TERM BufferWrite(ErlNifEnv* env, const ERL_NIF_TERM argv[]);
ERL_NIF_TERM BufferWriteQueued(ErlNifEnv* env, const ERL_NIF_TERM argv[]);
ERL_NIF_TERM BufferCopy(ErlNifEnv* env, const ERL_NIF_TERM argv[]);
ERL_NIF_TERM BufferFill(ErlNifEnv* env, const ERL_NIF_TERM argv[]);

// bundles
ERL_NIF_TERM BundleCompile(ErlNifEnv* env, const ERL_NIF_TERM argv[]);
ERL_NIF_TERM BundleEncode(ErlNifEnv* env, const ERL_NIF_TERM argv[]);
ERL_NIF_TERM BundleInformation(ErlNifEnv* env, const ERL_NIF_TERM argv[]);
ERL_NIF_TERM KernelLoad(ErlNifEnv* env, const ERL_NIF_TERM argv[]);
ERL_NIF_TERM KernelOfLibrary(ErlNifEnv* env, const ERL_NIF_TERM argv[]);

// kernels
ERL_NIF_TERM KernelCompile(ErlNifEnv* env, const ERL_NIF_TERM argv[]);
ERL_NIF_TERM KernelInformation(ErlNifEnv* env, const ERL_NIF_TERM argv[]);
ERL_NIF_TERM KernelPutGlobal(ErlNifEnv* env, const ERL_NIF_TERM argv[]);
ERL_NIF_TERM KernelGetGlobal(ErlNifEnv* env, const ERL_NIF_TERM argv[]);
ERL_NIF_TERM KernelOccupancy(ErlNifEnv* env, const ERL_NIF_TERM argv[]);
ERL_NIF_TERM KernelLaunch(ErlNifEnv* env, const ERL_NIF_TERM argv[]);

// jobs
ERL_NIF_TERM JobPoll(ErlNifEnv* env, const ERL_NIF_TERM argv[]);
ERL_NIF_TERM JobSubscribe(ErlNifEnv* env, const ERL_NIF_TERM argv[]);
ERL_NIF_TERM JobUnsubscribe(ErlNifEnv* env, const ERL_NIF_TERM argv[]);
ERL_NIF_TERM JobCancel(ErlNifEnv* env, const ERL_NIF_TERM argv[]);
ERL_NIF_TERM JobKernel(ErlNifEnv* env, const ERL_NIF_TERM argv[]);
ERL_NIF_TERM JobBuffer(ErlNifEnv* env, const ERL_NIF_TERM argv[]);
ERL_NIF_TERM JobBytes(ErlNifEnv* env, const ERL_NIF_TERM argv[]);
ERL_NIF_TERM JobOccupancy(ErlNifEnv* env, const ERL_NIF_TERM argv[]);

// telemetry
ERL_NIF_TERM TelemetryStart(ErlNifEnv* env, const ERL_NIF_TERM argv[]);
ERL_NIF_TERM TelemetryStop(ErlNifEnv* env, const ERL_NIF_TERM argv[]);
ERL_NIF_TERM TelemetrySetRate(ErlNifEnv* env, const ERL_NIF_TERM argv[]);
ERL_NIF_TERM TelemetryRate(ErlNifEnv* env, const ERL_NIF_TERM argv[]);
ERL_NIF_TERM TelemetrySetSubscribers(ErlNifEnv* env, const ERL_NIF_TERM argv[]);
ERL_NIF_TERM TelemetryAck(ErlNifEnv* env, const ERL_NIF_TERM argv[]);
ERL_NIF_TERM TelemetryNameOwner(ErlNifEnv* env, const ERL_NIF_TERM argv[]);
ERL_NIF_TERM TelemetryRecord(ErlNifEnv* env, const ERL_NIF_TERM argv[]);
ERL_NIF_TERM TelemetryStopRecording(ErlNifEnv* env, const ERL_NIF_TERM argv[]);
ERL_NIF_TERM TelemetryRecording(ErlNifEnv* env, const ERL_NIF_TERM argv[]);
ERL_NIF_TERM TelemetryReplay(ErlNifEnv* env, const ERL_NIF_TERM argv[]);
ERL_NIF_TERM TelemetryStopReplay(ErlNifEnv* env, const ERL_NIF_TERM argv[]);
ERL_NIF_TERM TelemetryReplaying(ErlNifEnv* env, const ERL_NIF_TERM argv[]);
ERL_NIF_TERM FrameDecode(ErlNifEnv* env, const ERL_NIF_TERM argv[]);
ERL_NIF_TERM FramePrune(ErlNifEnv* env, const ERL_NIF_TERM argv[]);
ERL_NIF_TERM FrameAsJson(ErlNifEnv* env, const ERL_NIF_TERM argv[]);

// diagnostics of the library itself
ERL_NIF_TERM LiveResources(ErlNifEnv* env, const ERL_NIF_TERM argv[]);
ERL_NIF_TERM DropPending(ErlNifEnv* env, const ERL_NIF_TERM argv[]);
ERL_NIF_TERM BuildIdentity(ErlNifEnv* env, const ERL_NIF_TERM argv[]);
ERL_NIF_TERM BenchMemcpy(ErlNifEnv* env, const ERL_NIF_TERM argv[]);

}  // namespace amdgpu::nif

#endif  // AMDGPU_NIF_NIFS_H_
