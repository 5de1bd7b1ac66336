#include "nif/telemetry.h"

#include <array>
#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "c_src/base/clock.h"
#include "c_src/base/mutex.h"
#include "nif/atoms.h"
#include "nif/compiler.h"
#include "nif/encode.h"
#include "nif/message.h"

namespace amdgpu::nif {
namespace {

// Leaked: threads may use it while the VM halts.
struct State {
  Mutex mutex;
  telemetry::HubRef hub ABSL_GUARDED_BY(mutex);
  std::optional<ErlNifPid> server ABSL_GUARDED_BY(mutex);
  std::atomic<int> credit{0};
  std::atomic<std::uint32_t> subscribers{0};
};
State& GetState() {
  static State* const state = new State();
  return *state;
}

void FillCompileStats(proto::CompileStats* out) {
  const std::shared_ptr<CompileService> service = Compiler();
  if (service == nullptr) return;
  const CompileServiceStats stats = service->stats();
  out->set_compiled_total(stats.compiled);
  out->set_failed_total(stats.failed);
  out->set_memory_hits_total(stats.memory_hits);
  out->set_disk_hits_total(stats.disk_hits);
  out->set_joined_total(stats.joined);
  out->set_crashes_total(stats.crashes);
  out->set_disk_bytes(stats.disk_bytes);
}

// On the hub's thread.
class FrameSender {
 public:
  explicit FrameSender(const ErlNifPid& server) : server_(server) {}

  void operator()(absl::string_view frame) {
    State& state = GetState();
    held_.emplace_back(frame);
    const bool watched = state.subscribers.load(std::memory_order_relaxed) != 0;
    const std::uint64_t now = NowNs();
    if (!watched && held_.size() < kMostHeldFrames && now - sent_ns_ < kLongestHoldNs) return;
    sent_ns_ = now;
    if (state.credit.load(std::memory_order_acquire) <= 0) {
      skipped_ += held_.size();
      held_.clear();
      return;
    }
    state.credit.fetch_sub(1, std::memory_order_acq_rel);
    Message message(server_);
    ErlNifEnv* const env = message.env();
    const ERL_NIF_TERM frames =
        EncodeList(env, held_, [env](const std::string& held) { return EncodeString(env, held); });
    held_.clear();
    message.Send(enif_make_tuple3(env, atoms.amdgpu_frames, frames,
                                  enif_make_uint64(env, std::exchange(skipped_, 0))));
  }

 private:
  const ErlNifPid server_;
  std::vector<std::string> held_;
  std::uint64_t skipped_ = 0;
  std::uint64_t sent_ns_ = 0;
};

}  // namespace

telemetry::HubRef StartTelemetry(const telemetry::HubOptions& options, const ErlNifPid& server) {
  State& state = GetState();
  telemetry::HubRef hub;
  {
    MutexLock lock(&state.mutex);
    if (state.hub == nullptr) state.hub = telemetry::Hub::Start(options);
    hub = state.hub;
    state.server = server;
  }
  hub->SetRate(options.rate_hz);
  hub->SetCompileStats(FillCompileStats);
  hub->SetSink(nullptr);
  state.credit.store(kFrameCredit);
  hub->SetSink(FrameSender(server));
  return hub;
}

void StopTelemetry() {
  State& state = GetState();
  telemetry::HubRef hub;
  {
    MutexLock lock(&state.mutex);
    hub = std::exchange(state.hub, nullptr);
    state.server.reset();
  }
  if (hub != nullptr) hub->SetSink(nullptr);
}

telemetry::HubRef Telemetry() {
  State& state = GetState();
  MutexLock lock(&state.mutex);
  return state.hub;
}

telemetry::Hub::Sink DivertFrames(const ErlNifPid& server) {
  if (const telemetry::HubRef hub = Telemetry()) hub->SetSink(nullptr);
  return FrameSender(server);
}

void RestoreFrames() {
  State& state = GetState();
  telemetry::HubRef hub;
  std::optional<ErlNifPid> server;
  {
    MutexLock lock(&state.mutex);
    hub = state.hub;
    server = state.server;
  }
  if (hub != nullptr && server) hub->SetSink(FrameSender(*server));
}

void AcknowledgeFrames(int count) { GetState().credit.fetch_add(count, std::memory_order_acq_rel); }

void SetSubscribers(std::uint32_t count) {
  GetState().subscribers.store(count);
  if (const telemetry::HubRef hub = Telemetry()) hub->SetSubscribers(count);
}

void AnnounceOwner(ErlNifEnv* env, OwnerId owner, const ErlNifPid& pid) {
  State& state = GetState();
  telemetry::HubRef hub;
  std::optional<ErlNifPid> server;
  {
    MutexLock lock(&state.mutex);
    hub = state.hub;
    server = state.server;
  }
  if (hub == nullptr) return;
  std::array<char, 64> text{};
  enif_snprintf(text.data(), text.size(), "%T", pid.pid);
  hub->names().NameOwner(owner, text.data(), "");
  if (!server) return;
  enif_send(env, &*server, nullptr,
            enif_make_tuple3(env, atoms.amdgpu_owner, enif_make_uint64(env, owner),
                             enif_make_pid(env, &pid)));
}

}  // namespace amdgpu::nif
