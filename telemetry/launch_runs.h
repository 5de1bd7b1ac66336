// How a worker tells of its launches: one by one, and when there are very many of them together.
//
// So many of a tick are told by a record of their own. Of what comes above that, launches that are
// alike go into a run: one record for up to 63 of them, with the bucket of the time of each. Sums
// and quantiles are the same as if each had been told. While most go into runs fewer are told one
// by one: a list that lacks most of them is worth less than the time that it takes from launching.
//
// Runs that are open lie in the segment: if the worker dies its client tells of them.

#ifndef AMDGPU_TELEMETRY_LAUNCH_RUNS_H_
#define AMDGPU_TELEMETRY_LAUNCH_RUNS_H_

#include <cstddef>
#include <cstdint>
#include <optional>

#include "telemetry/record.h"
#include "telemetry/ring.h"

namespace amdgpu::telemetry {

// As many launches are told one by one in a tick, and listed in a frame;
inline constexpr int kMostToldOfTick = 512;
// and so many after a tick in which twice as many ended.
inline constexpr int kMostToldInFlood = 64;

// Zero bytes: nothing is open.
struct OpenRuns {
  static constexpr std::size_t kMost = 8;
  LaunchRunRecord run[kMost];
};

// Not thread-safe; others may write to the ring.
class LaunchRuns {
 public:
  // `open` outlives it.
  LaunchRuns(OpenRuns& open, SharedRingWriter ring) : open_(open), ring_(ring) {}

  // A launch has ended. The number of the last record that was written, if one was.
  std::optional<std::uint64_t> Tell(const LaunchRecord& launch);
  // What is open goes into the ring, and the next tick begins.
  void EndTick();

 private:
  std::uint64_t Close(LaunchRunRecord& run);

  OpenRuns& open_;
  SharedRingWriter ring_;
  // In this tick: launches, and how many of them are told one by one.
  int ended_ = 0;
  int most_told_ = kMostToldOfTick;
};

}  // namespace amdgpu::telemetry

#endif  // AMDGPU_TELEMETRY_LAUNCH_RUNS_H_
