// The worker's sampler: reads probes at their rates and writes what they say into the ring.
//
// Two threads: one for the fast group, which is never held up by a slow source, and one for the
// others. Both sleep until absolute deadlines, the multiples of their periods; a deadline that was
// missed is counted and not made up for.

#ifndef AMDGPU_TELEMETRY_SAMPLER_H_
#define AMDGPU_TELEMETRY_SAMPLER_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <latch>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "c_src/base/own_process.h"
#include "telemetry/control.h"
#include "telemetry/record.h"
#include "telemetry/ring.h"
#include "telemetry/source.h"

namespace amdgpu::telemetry {

// Most series of all probes; what is beyond is left out.
inline constexpr std::size_t kMaxSeries = 2048;

// The median and the 99th percentile of the last few hundred values.
class RecentPercentiles {
 public:
  void Add(std::uint64_t value) { values_[count_++ % values_.size()] = value; }
  // 0 while there are none.
  std::uint64_t At(double quantile) const;

 private:
  std::array<std::uint64_t, 256> values_{};
  std::size_t count_ = 0;
};

class Sampler {
 public:
  // `ring` and `control` outlive it. `on_tick` is called in each tick, before the ring says that it
  // is over; on the sampler's thread.
  Sampler(SharedRingWriter ring, SamplerControl& control, Probes probes,
          std::function<void()> on_tick);
  // Ends the threads. A worker never does.
  ~Sampler();
  Sampler(const Sampler&) = delete;
  Sampler& operator=(const Sampler&) = delete;

  // Makes the threads: before the sandbox. They ask for real-time priority and do without if it is
  // refused. Returns when they have asked.
  void Start();

 private:
  struct Sampled {
    std::unique_ptr<Probe> probe;
    std::uint16_t number = 0;
    std::uint16_t first_series = 0;
    Group group = Group::kFast;  // now
    std::vector<Reading> readings;
    std::uint64_t read_ns = 0;  // 0 = never
    std::uint64_t due_ns = 0;   // of the slow thread's
    std::uint64_t cost_ns = 0;
    std::uint64_t least_cost_ns = ~std::uint64_t{0};  // of the last few readings
    int readings_since = 0;                           // in the present group
  };

  void RunFast();
  void RunSlow();
  void Tick(std::uint64_t due_ns, std::uint64_t period_ns);
  void Read(Sampled& sampled);
  // Moves it to a slower group if it has been too slow for a while. True if it has to leave the
  // fast thread.
  bool Adapt(Sampled& sampled);
  // What late readers missed: the series, and values that are read seldom.
  void Repeat(std::vector<std::unique_ptr<Sampled>>& group, std::uint64_t now_ns);
  void PushSample(const Sampled& sampled);
  std::uint64_t SlowPeriod(Group group) const;

  SharedRingWriter ring_;
  SamplerControl& control_;
  const std::function<void()> on_tick_;
  const ResidentMemory memory_;
  std::atomic<bool> stop_{false};
  std::latch started_{2};
  bool realtime_ = false;

  std::vector<std::unique_ptr<Sampled>> fast_;  // the fast thread's
  std::vector<std::unique_ptr<Sampled>> slow_;  // the slow thread's
  std::mutex moved_mutex_;
  std::vector<std::unique_ptr<Sampled>> moved_;  // on their way from fast_ to slow_

  // The fast thread's.
  std::uint64_t ticks_ = 0;
  std::uint64_t skipped_ = 0;
  SamplerRecord own_;  // with what is looked at ten times a second
  std::uint64_t next_own_ns_ = 0;
  std::uint64_t next_repeat_ns_ = 0;
  RecentPercentiles lateness_;

  std::thread fast_thread_;
  std::thread slow_thread_;
};

}  // namespace amdgpu::telemetry

#endif  // AMDGPU_TELEMETRY_SAMPLER_H_
