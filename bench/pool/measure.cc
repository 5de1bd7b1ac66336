#include "bench/pool/measure.h"

#include <atomic>
#include <thread>

#include "bench/pool/subjects.h"

namespace amdgpu::bench {
namespace {

// Enough for every trace.
constexpr std::uint64_t kLargeHeap = std::uint64_t{256} << 30;

bool Completes(const Trace& trace, std::uint64_t heap_bytes, bool adaptors, Ticket lag) {
  Heap heap(heap_bytes, adaptors);
  ResourceSubject subject(&heap.resource(), &heap.clocks(), trace.slots, /*stream=*/0, lag);
  return Play(trace, subject);
}

}  // namespace

double ClockNs() {
  static const double cost = [] {
    std::vector<std::uint64_t> times(1001);
    for (std::uint64_t& time : times) {
      const std::uint64_t begin = NowNs();
      time = NowNs() - begin;
    }
    std::sort(times.begin(), times.end());
    return static_cast<double>(times[times.size() / 2]);
  }();
  return cost;
}

Heap::Heap(std::uint64_t bytes, bool adaptors) : memory_({}), adaptors_(adaptors) {
  if (!resource().AddRegion({.offset = 0, .bytes = bytes}).ok()) std::abort();
}

MemoryResource& Heap::resource() {
  if (adaptors_) return memory_.resource();
  return locked_pool_;
}

double Cmin(const Trace& trace, bool adaptors, Ticket lag) {
  constexpr double kPrecision = 0.002;
  double low = 1.0;  // the largest factor that fails, or 1
  double high = 1.0;
  const auto completes = [&](double factor) {
    const auto bytes = static_cast<std::uint64_t>(trace.peak_bytes * factor);
    return Completes(trace, RoundToGranules(bytes), adaptors, lag);
  };
  while (!completes(high)) {
    low = high;
    high *= 1.1;
  }
  while (high - low > kPrecision) {
    const double middle = (low + high) / 2;
    (completes(middle) ? high : low) = middle;
  }
  return high;
}

double TwoThreadsNs(const Trace& trace, bool one_stream, bool adaptors, int runs) {
  constexpr int kThreads = 2;
  std::vector<double> results;
  for (int run = 0; run < runs; ++run) {
    Heap heap(kLargeHeap, adaptors);
    std::atomic<int> ready{0};
    std::vector<double> pair_ns(kThreads);
    std::vector<std::thread> threads;
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([&, i] {
        ResourceSubject subject(&heap.resource(), &heap.clocks(), trace.slots,
                                one_stream ? 0 : static_cast<StreamId>(i));
        ready.fetch_add(1);
        while (ready.load() < kThreads) {
        }
        pair_ns[i] = PairNs(trace, subject, 1);
      });
    }
    for (std::thread& thread : threads) thread.join();
    results.push_back((pair_ns[0] + pair_ns[1]) / kThreads);
  }
  std::sort(results.begin(), results.end());
  return results[results.size() / 2];
}

}  // namespace amdgpu::bench
