// Telemetry: the hub's switches, and frames as terms.

#include <string>

#include "nif/atoms.h"
#include "nif/decode.h"
#include "nif/encode.h"
#include "nif/frame_term.h"
#include "nif/nifs.h"
#include "nif/telemetry.h"
#include "telemetry/frame_json.h"
#include "telemetry/prune.h"

namespace amdgpu::nif {
namespace {

// A frame that is decoded on a normal scheduler: some tens of microseconds.
constexpr std::size_t kMaxQuickFrameBytes = 8 * 1024;

ERL_NIF_TERM Decode(ErlNifEnv* env, int, const ERL_NIF_TERM argv[]) {
  const auto bytes = DecodeBytes(env, argv[0]);
  const auto topics = DecodeUint64(env, argv[1]);
  if (!bytes || !topics) return enif_make_badarg(env);
  proto::Frame frame;
  if (!frame.ParseFromArray(bytes->data(), static_cast<int>(bytes->size()))) {
    return EncodeError(env, absl::InvalidArgumentError("not a telemetry frame"), nullptr);
  }
  telemetry::PruneFrame(static_cast<std::uint32_t>(*topics), &frame);
  return EncodeOk(env, EncodeMessage(env, frame));
}

}  // namespace

ERL_NIF_TERM TelemetryStart(ErlNifEnv* env, const ERL_NIF_TERM argv[]) {
  double rate;
  const std::optional<bool> publish = DecodeBool(argv[1]);
  ErlNifPid server;
  if (!enif_get_double(env, argv[0], &rate) || !publish ||
      !enif_get_local_pid(env, argv[2], &server)) {
    return enif_make_badarg(env);
  }
  telemetry::HubOptions options;
  options.rate_hz = rate;
  options.idle_rate_hz = 1;  // an idle system stays idle
  options.publish = *publish;
  const telemetry::HubRef hub = StartTelemetry(options, server);
  if (*publish && !hub->board_status().ok()) {
    return EncodeError(env, hub->board_status(), nullptr);
  }
  return EncodeOk(env, EncodeString(env, hub->socket_path()));
}

ERL_NIF_TERM TelemetryStop(ErlNifEnv*, const ERL_NIF_TERM[]) {
  StopTelemetry();
  return atoms.ok;
}

ERL_NIF_TERM TelemetrySetRate(ErlNifEnv* env, const ERL_NIF_TERM argv[]) {
  double rate;
  if (!enif_get_double(env, argv[0], &rate)) return enif_make_badarg(env);
  if (const telemetry::HubRef hub = Telemetry()) hub->SetRate(rate);
  return atoms.ok;
}

ERL_NIF_TERM TelemetryRate(ErlNifEnv* env, const ERL_NIF_TERM[]) {
  const telemetry::HubRef hub = Telemetry();
  return enif_make_double(env, hub == nullptr ? 0 : hub->rate_hz());
}

ERL_NIF_TERM TelemetrySetSubscribers(ErlNifEnv* env, const ERL_NIF_TERM argv[]) {
  const auto count = DecodeUint64(env, argv[0]);
  if (!count) return enif_make_badarg(env);
  SetSubscribers(static_cast<std::uint32_t>(*count));
  return atoms.ok;
}

ERL_NIF_TERM TelemetryAck(ErlNifEnv* env, const ERL_NIF_TERM argv[]) {
  int count;
  if (!enif_get_int(env, argv[0], &count) || count < 0) return enif_make_badarg(env);
  AcknowledgeFrames(count);
  return atoms.ok;
}

ERL_NIF_TERM TelemetryNameOwner(ErlNifEnv* env, const ERL_NIF_TERM argv[]) {
  const auto owner = DecodeUint64(env, argv[0]);
  const auto process = DecodeString(env, argv[1]);
  const auto name = DecodeString(env, argv[2]);
  if (!owner || !process || !name) return enif_make_badarg(env);
  if (const telemetry::HubRef hub = Telemetry()) hub->names().NameOwner(*owner, *process, *name);
  return atoms.ok;
}

ERL_NIF_TERM FrameDecode(ErlNifEnv* env, const ERL_NIF_TERM argv[]) {
  ErlNifBinary binary;
  if (!enif_inspect_binary(env, argv[0], &binary)) return enif_make_badarg(env);
  if (binary.size <= kMaxQuickFrameBytes) return Decode(env, 2, argv);
  return enif_schedule_nif(env, "frame_decode", ERL_NIF_DIRTY_JOB_CPU_BOUND, &Decode, 2, argv);
}

// Bytes of a frame and a set of topics in, bytes out.
template <typename Convert>
ERL_NIF_TERM ConvertFrame(ErlNifEnv* env, const ERL_NIF_TERM argv[], Convert convert) {
  const auto bytes = DecodeBytes(env, argv[0]);
  const auto topics = DecodeUint64(env, argv[1]);
  if (!bytes || !topics) return enif_make_badarg(env);
  const absl::StatusOr<std::string> converted =
      convert(absl::string_view(reinterpret_cast<const char*>(bytes->data()), bytes->size()),
              static_cast<std::uint32_t>(*topics));
  if (!converted.ok()) return EncodeError(env, converted.status(), nullptr);
  return EncodeOk(env, EncodeString(env, *converted));
}

ERL_NIF_TERM FramePrune(ErlNifEnv* env, const ERL_NIF_TERM argv[]) {
  return ConvertFrame(env, argv, &telemetry::PruneEncoded);
}

ERL_NIF_TERM FrameAsJson(ErlNifEnv* env, const ERL_NIF_TERM argv[]) {
  return ConvertFrame(env, argv, &telemetry::EncodedFrameJson);
}

}  // namespace amdgpu::nif
