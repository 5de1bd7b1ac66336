#include "telemetry/gateway/frame_source.h"

#include <time.h>

#include <utility>

#include "c_src/base/clock.h"

namespace amdgpu::gateway {
namespace {

constexpr std::uint64_t kMillisecond = 1'000'000;
// How soon a stop or the end of a killed system is seen, and a new system found.
constexpr std::uint64_t kLookNs = 100 * kMillisecond;

}  // namespace

FrameSource::FrameSource(pid_t pid, Callbacks callbacks)
    : pid_(pid), callbacks_(std::move(callbacks)), thread_([this] { Run(); }) {}

FrameSource::~FrameSource() {
  stop_.store(true);
  thread_.join();
}

void FrameSource::Run() {
  while (!stop_.load()) {
    absl::StatusOr<telemetry::Attachment> system = telemetry::AttachTo(pid_);
    if (!system.ok()) {
      const timespec pause = {0, kLookNs};
      nanosleep(&pause, nullptr);
      continue;
    }
    Follow(*system);
    if (!stop_.load()) callbacks_.ended(system->frames().pid());
  }
}

void FrameSource::Follow(telemetry::Attachment& system) {
  using Result = telemetry::BoardReader::Result;
  telemetry::BoardReader& frames = system.frames();
  std::string bytes;
  frames.Rewind();
  if (frames.Latest(&bytes) == Result::kFrame) callbacks_.frame(std::move(bytes), 0);
  std::uint64_t missed = frames.missed();
  while (!stop_.load()) {
    // Asked before reading: what was published before the end is read all the same.
    const bool alive = system.alive();
    while (frames.Next(&bytes) == Result::kFrame) {
      const std::uint64_t now_missed = frames.missed();
      callbacks_.frame(std::move(bytes), now_missed - missed);
      missed = now_missed;
      if (stop_.load()) return;
    }
    if (!alive) return;
    frames.Wait(NowNs() + kLookNs);
  }
}

}  // namespace amdgpu::gateway
