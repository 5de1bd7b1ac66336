// The one telemetry hub of this BEAM, and the process that its frames go to.

#ifndef AMDGPU_NIF_TELEMETRY_H_
#define AMDGPU_NIF_TELEMETRY_H_

#include <erl_nif.h>

#include "c_src/runtime/device.h"
#include "telemetry/hub.h"

namespace amdgpu::nif {

// Most messages with frames that the server has not acknowledged; frames that come meanwhile are
// skipped.
inline constexpr int kFrameCredit = 32;

// Frames that are sent together while nobody is subscribed: to wake the server for each costs more
// than to make it.
inline constexpr std::size_t kMostHeldFrames = 15;
inline constexpr std::uint64_t kLongestHoldNs = 250'000'000;

// Makes the hub if there is none, and sends its frames to `server` from now on:
// {:amdgpu_frames, [encoded], skipped} and, for each process that begins to own something,
// {:amdgpu_owner, number, pid}.
telemetry::HubRef StartTelemetry(const telemetry::HubOptions& options, const ErlNifPid& server);
// No further messages; the hub ends with the last device that uses it.
void StopTelemetry();
// Null before StartTelemetry. Thread-safe.
telemetry::HubRef Telemetry();

// The server gets what is given to the result from now on, and nothing of the hub.
telemetry::Hub::Sink DivertFrames(const ErlNifPid& server);
// The hub's frames again.
void RestoreFrames();

// The server has dealt with `count` messages.
void AcknowledgeFrames(int count);
// How many are subscribed to the server.
void SetSubscribers(std::uint32_t count);

// Names the owner in frames and tells the server of it. On a scheduler, with the caller's `env`.
void AnnounceOwner(ErlNifEnv* env, OwnerId owner, const ErlNifPid& pid);

}  // namespace amdgpu::nif

#endif  // AMDGPU_NIF_TELEMETRY_H_
