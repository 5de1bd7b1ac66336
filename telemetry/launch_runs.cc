#include "telemetry/launch_runs.h"

#include <atomic>

#include "telemetry/sketch.h"

namespace amdgpu::telemetry {

std::optional<std::uint64_t> LaunchRuns::Tell(const LaunchRecord& launch) {
  if (++ended_ <= most_told_ || launch.key.status != 0) return ring_.Push(launch);
  std::optional<std::uint64_t> number;
  const LaunchKey& key = launch.key;
  LaunchRunRecord& run = open_.run[(key.kernel + 3 * key.stream + key.owner) % OpenRuns::kMost];
  std::size_t count = run.count();
  if (count != 0 && (count == LaunchRunRecord::kMost || run.key != key)) {
    number = Close(run);
    count = 0;
  }
  if (count == 0) run.key = key;
  const std::uint64_t busy = launch.busy_ns();
  run.header.time_ns = launch.header.time_ns;
  run.wait_ns += launch.wait_ns();
  run.busy_ns += busy;
  run.bucket[count] = static_cast<std::uint16_t>(Sketch::BucketOf(busy));
  // The client finds a run whose launches are whole, whenever the worker dies.
  std::atomic_ref(run.last).store(LaunchRunRecord::Last(launch.ticket, count + 1),
                                  std::memory_order_release);
  return number;
}

void LaunchRuns::EndTick() {
  most_told_ = ended_ > 2 * kMostToldOfTick ? kMostToldInFlood : kMostToldOfTick;
  ended_ = 0;
  for (LaunchRunRecord& run : open_.run) {
    if (run.count() != 0) Close(run);
  }
}

std::uint64_t LaunchRuns::Close(LaunchRunRecord& run) {
  run.header = MakeHeader<LaunchRunRecord>(RecordKind::kLaunchRun, run.header.time_ns);
  const std::uint64_t number = ring_.Push(run);
  std::atomic_ref(run.last).store(0, std::memory_order_release);
  run.wait_ns = 0;
  run.busy_ns = 0;
  return number;
}

}  // namespace amdgpu::telemetry
