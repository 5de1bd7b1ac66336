// What is kept of the launches of a kernel, or of a core class.

#ifndef AMDGPU_TELEMETRY_WORK_STATS_H_
#define AMDGPU_TELEMETRY_WORK_STATS_H_

#include <cstdint>

#include "proto/telemetry.pb.h"
#include "telemetry/record.h"
#include "telemetry/sketch.h"

namespace amdgpu::telemetry {

// Not thread-safe.
class WorkStats {
 public:
  // `occupancy`: the launch's, see proto::Work.
  void Add(const LaunchRecord& launch, float occupancy);
  void Add(const LaunchRunRecord& run, float occupancy);

  std::uint64_t launches() const { return launches_; }
  std::uint64_t interval_busy_ns() const { return interval_.busy_ns; }
  // Something was added since EndInterval.
  bool active() const { return interval_.launches != 0; }

  // Everything but the sketch and `queued`.
  void Fill(proto::Work* work) const;
  const Sketch& sketch() const { return sketch_; }
  void EndInterval() { interval_ = {}; }

 private:
  struct Interval {
    std::uint64_t launches = 0;
    std::uint64_t busy_ns = 0;
    std::uint64_t bytes = 0;
    std::uint64_t bytes_ns = 0;  // busy time of the launches that said how many bytes
    std::uint64_t flops = 0;
    std::uint64_t flops_ns = 0;
    double occupancy_ns = 0;
  };

  void AddEnded(std::uint64_t count, std::uint64_t wait_ns);
  // Of those that went well; all but their sketch.
  void AddBusy(const LaunchKey& key, std::uint64_t count, std::uint64_t busy_ns, float occupancy);

  std::uint64_t launches_ = 0;
  std::uint64_t failed_ = 0;
  std::uint64_t busy_ns_ = 0;
  std::uint64_t wait_ns_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t flops_ = 0;
  Interval interval_;
  Sketch sketch_;
};

}  // namespace amdgpu::telemetry

#endif  // AMDGPU_TELEMETRY_WORK_STATS_H_
