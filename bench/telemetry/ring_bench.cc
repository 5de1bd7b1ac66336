// What a record of 256 bytes in the broadcast ring costs who writes it, beside readers and without.

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <thread>
#include <vector>

#include "bench/telemetry/benches.h"
#include "c_src/base/clock.h"
#include "telemetry/ring.h"

namespace amdgpu::telemetry {
namespace {

constexpr std::size_t kSlots = 4096;
constexpr std::uint64_t kRecords = 2'000'000;

struct Record {
  std::uint64_t words[kSlotWords];
};

struct Free {
  void operator()(void* memory) const { std::free(memory); }
};
std::unique_ptr<void, Free> NewRing() {
  void* memory = std::aligned_alloc(64, RingBytes(kSlots));
  std::memset(memory, 0, RingBytes(kSlots));
  return std::unique_ptr<void, Free>(memory);
}

// The fastest of some rounds: what the machine can do when nothing disturbs it.
template <typename Round>
double Best(Round round) {
  double best = 1e9;
  for (int i = 0; i < 9; ++i) best = std::min(best, round());
  return best;
}

template <typename Writer>
double PushNs(Writer& writer) {
  Record record{};
  const std::uint64_t start = NowNs();
  for (std::uint64_t i = 0; i < kRecords; ++i) {
    record.words[0] = i;
    writer.Push(record);
  }
  return static_cast<double>(NowNs() - start) / kRecords;
}

}  // namespace

void BenchRing() {
  const auto memory = NewRing();
  RingWriter single(memory.get(), kSlots);
  std::printf("%-58s %6.1f ns\n", "ring: push of a full slot, the only writer",
              Best([&] { return PushNs(single); }));
  SharedRingWriter shared(memory.get(), kSlots);
  std::printf("%-58s %6.1f ns\n", "ring: push of a full slot, one of several writers",
              Best([&] { return PushNs(shared); }));
  const double pop = Best([&] {
    RingReader reader(memory.get(), kSlots);
    Record record{};
    double total = 0;
    for (int round = 0; round < 200; ++round) {
      for (std::size_t i = 0; i < kSlots / 2; ++i) shared.Push(record);
      const std::uint64_t start = NowNs();
      for (std::size_t i = 0; i < kSlots / 2; ++i) reader.Next(&record);
      total += static_cast<double>(NowNs() - start);
    }
    return total / (200.0 * kSlots / 2);
  });
  std::printf("%-58s %6.1f ns\n", "ring: read of a full slot", pop);
  const double contended = Best([&] {
    std::atomic<bool> stop{false};
    std::thread other([&] {
      Record record{};
      while (!stop.load(std::memory_order_relaxed)) shared.Push(record);
    });
    const double ns = PushNs(shared);
    stop = true;
    other.join();
    return ns;
  });
  std::printf("%-58s %6.1f ns\n", "ring: push while another core does nothing but push", contended);
}

}  // namespace amdgpu::telemetry
