// How the pool is measured: time of a pair, tails, threads, and the heap a trace needs.

#ifndef AMDGPU_BENCH_POOL_MEASURE_H_
#define AMDGPU_BENCH_POOL_MEASURE_H_

#include <algorithm>
#include <cstdint>
#include <vector>

#include "bench/pool/traces.h"
#include "c_src/base/clock.h"
#include "c_src/memory/device_memory.h"

namespace amdgpu::bench {

// Plays a whole trace. False if memory was short; what is live then is freed.
template <typename Subject>
bool Play(const Trace& trace, Subject& subject) {
  for (const TraceEvent& event : trace.events) {
    if (event.bytes == 0) {
      subject.Free(event.slot);
    } else if (!subject.Allocate(event.slot, event.bytes)) {
      subject.FreeAll();
      return false;
    }
  }
  return true;
}

// Nanoseconds per pair of the fastest of `runs`: others are disturbed by the machine.
template <typename Subject>
double PairNs(const Trace& trace, Subject& subject, int runs) {
  double best = 1e300;
  for (int run = 0; run < runs; ++run) {
    const std::uint64_t begin = NowNs();
    Play(trace, subject);
    const std::uint64_t end = NowNs();
    best = std::min(best, static_cast<double>(end - begin) / trace.pairs);
  }
  return best;
}

struct Tail {
  double p50_ns = 0;
  double p999_ns = 0;
};

// What reading the clock twice costs by itself.
double ClockNs();

// Times every pair of `trace`, whose frees are each followed by an allocation (Random), less the
// cost of the clock. The run with the lowest p99.9 of `runs`.
template <typename Subject>
Tail PairTail(const Trace& trace, Subject& subject, int runs) {
  Tail best{1e300, 1e300};
  std::vector<double> times;
  for (int run = 0; run < runs; ++run) {
    times.clear();
    for (std::size_t i = 0; i < trace.events.size(); ++i) {
      const TraceEvent& event = trace.events[i];
      const bool pair =
          event.bytes == 0 && i + 1 < trace.events.size() && trace.events[i + 1].bytes != 0;
      const std::uint64_t begin = NowNs();
      if (event.bytes == 0) {
        subject.Free(event.slot);
      } else {
        subject.Allocate(event.slot, event.bytes);
      }
      if (!pair) continue;
      ++i;
      subject.Allocate(trace.events[i].slot, trace.events[i].bytes);
      times.push_back(static_cast<double>(NowNs() - begin) - ClockNs());
    }
    std::sort(times.begin(), times.end());
    const Tail tail{times[times.size() / 2], times[times.size() * 999 / 1000]};
    if (tail.p999_ns < best.p999_ns) best = tail;
  }
  return best;
}

// One region of `bytes`, for many threads: as the runtime has it, through all adaptors, or the pool
// and its lock alone.
class Heap {
 public:
  Heap(std::uint64_t bytes, bool adaptors);

  MemoryResource& resource();
  StreamClocks& clocks() { return memory_.clocks(); }

 private:
  DeviceMemory memory_;
  Pool pool_{&memory_.clocks()};
  ThreadSafeAdaptor<Pool> locked_pool_{&pool_};
  const bool adaptors_;
};

// Smallest heap, in which the trace completes, over its peak of live bytes; to 0.2 %. `lag` as
// ResourceSubject's.
double Cmin(const Trace& trace, bool adaptors, Ticket lag);

// Nanoseconds per pair and thread of two threads that play a trace each at the same time, each in
// its own stream or both in one; the median of `runs`.
double TwoThreadsNs(const Trace& trace, bool one_stream, bool adaptors, int runs);

}  // namespace amdgpu::bench

#endif  // AMDGPU_BENCH_POOL_MEASURE_H_
