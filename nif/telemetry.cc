#include "nif/telemetry.h"

#include <array>
#include <atomic>
#include <cstring>
#include <memory>
#include <optional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "c_src/base/mutex.h"
#include "nif/atoms.h"
#include "nif/compiler.h"
#include "nif/message.h"

namespace amdgpu::nif {
namespace {

// Leaked: threads may use it while the VM halts.
struct State {
  Mutex mutex;
  telemetry::HubRef hub ABSL_GUARDED_BY(mutex);
  std::optional<ErlNifPid> server ABSL_GUARDED_BY(mutex);
  std::atomic<int> credit{0};
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
    std::atomic<int>& credit = GetState().credit;
    if (credit.load(std::memory_order_acquire) <= 0) {
      ++skipped_;
      return;
    }
    credit.fetch_sub(1, std::memory_order_acq_rel);
    Message message(server_);
    ErlNifEnv* const env = message.env();
    ERL_NIF_TERM binary;
    unsigned char* const data = enif_make_new_binary(env, frame.size(), &binary);
    std::memcpy(data, frame.data(), frame.size());
    message.Send(enif_make_tuple3(env, atoms.amdgpu_frame, binary,
                                  enif_make_uint64(env, std::exchange(skipped_, 0))));
  }

 private:
  const ErlNifPid server_;
  std::uint64_t skipped_ = 0;
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

void AcknowledgeFrames(int count) { GetState().credit.fetch_add(count, std::memory_order_acq_rel); }

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
