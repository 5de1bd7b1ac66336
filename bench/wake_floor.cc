// What this machine takes to wake a thread on a core that sleeps, and to be woken by it: what a
// launch from idle takes before anything of ours has run. Virtual machines differ tenfold.

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <thread>
#include <vector>

#include "c_src/base/clock.h"
#include "c_src/base/futex.h"

namespace amdgpu {
namespace {

constexpr int kRounds = 400;
// Long enough for a core to go to sleep; as in the benchmark of a launch from idle.
constexpr std::chrono::milliseconds kIdle(5);

using Word = std::atomic<std::uint32_t>;

void StayOn(int core) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(core, &set);
  sched_setaffinity(0, sizeof(set), &set);
}

void Ring(Word& word) {
  word.fetch_add(1);
  FutexWake(word, 1);
}

void Await(Word& word, std::uint32_t before) {
  while (word.load() == before) FutexWait(word, before);
}

// The median, in microseconds, of a futex's way there and back.
double ThereAndBack(bool same_core) {
  Word there{0};
  Word back{0};
  std::thread other([&] {
    StayOn(same_core ? 0 : 1);
    for (std::uint32_t i = 0; i < kRounds; ++i) {
      Await(there, i);
      Ring(back);
    }
  });
  std::vector<double> times;
  std::thread self([&] {
    StayOn(0);
    for (std::uint32_t i = 0; i < kRounds; ++i) {
      std::this_thread::sleep_for(kIdle);
      const std::uint64_t begun = NowNs();
      Ring(there);
      Await(back, i);
      times.push_back(static_cast<double>(NowNs() - begun) / 1e3);
    }
  });
  self.join();
  other.join();
  std::nth_element(times.begin(), times.begin() + kRounds / 2, times.end());
  return times[kRounds / 2];
}

}  // namespace
}  // namespace amdgpu

int main() {
  std::printf("a futex there and back, both asleep: on one core %.1f us, on two %.1f us\n",
              amdgpu::ThereAndBack(true), amdgpu::ThereAndBack(false));
}
