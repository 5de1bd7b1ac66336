// Recordings: the one recorder and the one replay of this BEAM.

#include <memory>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "c_src/base/mutex.h"
#include "nif/atoms.h"
#include "nif/decode.h"
#include "nif/encode.h"
#include "nif/nifs.h"
#include "nif/telemetry.h"
#include "telemetry/recorder/recorder.h"
#include "telemetry/recorder/replayer.h"

namespace amdgpu::nif {
namespace {

// Leaked: their threads may be at work while the VM halts. Calls come one at a time, from the
// process that owns the hub; the mutex is for the others, which ask.
struct Recordings {
  Mutex mutex;
  std::shared_ptr<telemetry::Recorder> recorder ABSL_GUARDED_BY(mutex);
  std::shared_ptr<telemetry::Replayer> replayer ABSL_GUARDED_BY(mutex);
};
Recordings& GetRecordings() {
  static Recordings* const recordings = new Recordings();
  return *recordings;
}

std::shared_ptr<telemetry::Recorder> SwapRecorder(std::shared_ptr<telemetry::Recorder> recorder) {
  Recordings& recordings = GetRecordings();
  MutexLock lock(&recordings.mutex);
  return std::exchange(recordings.recorder, std::move(recorder));
}

std::shared_ptr<telemetry::Replayer> SwapReplayer(std::shared_ptr<telemetry::Replayer> replayer) {
  Recordings& recordings = GetRecordings();
  MutexLock lock(&recordings.mutex);
  return std::exchange(recordings.replayer, std::move(replayer));
}

ERL_NIF_TERM EncodeRecording(ErlNifEnv* env, const telemetry::RecorderStatus& status) {
  return EncodeMap(
      env,
      {{atoms.path, EncodeString(env, status.directory)},
       {atoms.bytes, enif_make_uint64(env, status.bytes)},
       {atoms.segments, enif_make_uint64(env, status.segments)},
       {atoms.frames, enif_make_uint64(env, status.frames_total)},
       {atoms.dropped, enif_make_uint64(env, status.frames_dropped)},
       {atoms.oldest_ns, enif_make_int64(env, status.oldest_unix_ns)},
       {atoms.newest_ns, enif_make_int64(env, status.newest_unix_ns)},
       {atoms.error, status.error.ok() ? atoms.nil : EncodeStatus(env, status.error, nullptr)}});
}

ERL_NIF_TERM EncodeReplay(ErlNifEnv* env, const telemetry::ReplayStatus& status) {
  const auto encode_line = [env](const std::string& line) { return EncodeString(env, line); };
  return EncodeMap(env, {{atoms.ended, MakeBool(status.ended)},
                         {atoms.given, enif_make_uint64(env, status.frames_total)},
                         {atoms.frames, enif_make_uint64(env, status.frames)},
                         {atoms.position_ns, enif_make_int64(env, status.position_ns)},
                         {atoms.length_ns, enif_make_int64(env, status.length_ns)},
                         {atoms.damage, EncodeList(env, status.damage, encode_line)}});
}

}  // namespace

ERL_NIF_TERM TelemetryRecord(ErlNifEnv* env, const ERL_NIF_TERM argv[]) {
  const auto path = DecodeString(env, argv[0]);
  const auto max_bytes = DecodeUint64(env, argv[1]);
  const auto max_age_ns = DecodeUint64(env, argv[2]);
  if (!path || !max_bytes || !max_age_ns) return enif_make_badarg(env);
  const telemetry::HubRef hub = Telemetry();
  if (hub == nullptr) {
    return EncodeError(env, absl::FailedPreconditionError("telemetry is turned off"), nullptr);
  }
  TelemetryStopRecording(env, argv);
  auto started = telemetry::Recorder::Start({*path, *max_bytes, *max_age_ns});
  if (!started.ok()) return EncodeError(env, started.status(), nullptr);
  const std::shared_ptr<telemetry::Recorder> recorder = *std::move(started);
  SwapRecorder(recorder);
  hub->SetRecorder([recorder](absl::string_view frame) { recorder->Add(frame); });
  return atoms.ok;
}

ERL_NIF_TERM TelemetryStopRecording(ErlNifEnv*, const ERL_NIF_TERM[]) {
  if (const telemetry::HubRef hub = Telemetry()) hub->SetRecorder(nullptr);
  SwapRecorder(nullptr);  // the last reference: what waits is written here
  return atoms.ok;
}

ERL_NIF_TERM TelemetryRecording(ErlNifEnv* env, const ERL_NIF_TERM[]) {
  Recordings& recordings = GetRecordings();
  MutexLock lock(&recordings.mutex);
  return recordings.recorder == nullptr ? atoms.nil
                                        : EncodeRecording(env, recordings.recorder->status());
}

ERL_NIF_TERM TelemetryReplay(ErlNifEnv* env, const ERL_NIF_TERM argv[]) {
  telemetry::ReplayOptions options;
  const auto path = DecodeString(env, argv[0]);
  const auto loop = DecodeBool(argv[2]);
  const auto from_ns = DecodeUint64(env, argv[3]);
  const auto publish = DecodeBool(argv[4]);
  ErlNifPid server;
  if (!path || !enif_get_double(env, argv[1], &options.speed) || !loop || !from_ns || !publish ||
      !enif_get_local_pid(env, argv[5], &server)) {
    return enif_make_badarg(env);
  }
  options.path = *path;
  options.loop = *loop;
  options.from_ns = static_cast<std::int64_t>(*from_ns);
  options.publish = *publish;
  TelemetryStopReplay(env, argv);
  auto replayer = telemetry::Replayer::Start(options, DivertFrames(server));
  if (!replayer.ok()) {
    RestoreFrames();
    return EncodeError(env, replayer.status(), nullptr);
  }
  SwapReplayer(*std::move(replayer));
  return atoms.ok;
}

ERL_NIF_TERM TelemetryStopReplay(ErlNifEnv*, const ERL_NIF_TERM[]) {
  if (SwapReplayer(nullptr) != nullptr) RestoreFrames();
  return atoms.ok;
}

ERL_NIF_TERM TelemetryReplaying(ErlNifEnv* env, const ERL_NIF_TERM[]) {
  Recordings& recordings = GetRecordings();
  MutexLock lock(&recordings.mutex);
  return recordings.replayer == nullptr ? atoms.nil
                                        : EncodeReplay(env, recordings.replayer->status());
}

}  // namespace amdgpu::nif
