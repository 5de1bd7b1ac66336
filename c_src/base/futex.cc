#include "c_src/base/futex.h"

#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "c_src/base/clock.h"

namespace amdgpu {
namespace {

// While the kernel cannot wait on several words at once.
constexpr std::uint64_t kLongestBlindNs = 30 * kMillisecondNs;

timespec ToTimespec(std::uint64_t ns) {
  return {static_cast<time_t>(ns / kSecondNs), static_cast<long>(ns % kSecondNs)};
}

}  // namespace

static_assert(sizeof(std::atomic<std::uint32_t>) == sizeof(std::uint32_t));

bool FutexWait(std::atomic<std::uint32_t>& word, std::uint32_t expected,
               std::optional<std::uint64_t> deadline_ns) {
  const timespec deadline = ToTimespec(deadline_ns.value_or(0));
  // FUTEX_WAIT_BITSET takes an absolute time on CLOCK_MONOTONIC.
  const long result =
      syscall(SYS_futex, &word, FUTEX_WAIT_BITSET, expected,
              deadline_ns.has_value() ? &deadline : nullptr, nullptr, FUTEX_BITSET_MATCH_ANY);
  return !(result == -1 && errno == ETIMEDOUT);
}

void FutexWaitAny(std::span<const FutexWord> words, std::uint64_t deadline_ns) {
  const std::size_t count = std::min(words.size(), kMostFutexWords);
  std::array<futex_waitv, kMostFutexWords> waiters = {};
  for (std::size_t i = 0; i < count; ++i) {
    waiters[i].uaddr = reinterpret_cast<std::uintptr_t>(words[i].word);
    waiters[i].val = words[i].expected;
    waiters[i].flags = FUTEX_32;
  }
  const timespec deadline = ToTimespec(deadline_ns);
  if (syscall(SYS_futex_waitv, waiters.data(), count, 0, &deadline, CLOCK_MONOTONIC) == -1 &&
      errno == ENOSYS) {
    FutexWait(*words[0].word, words[0].expected, std::min(deadline_ns, NowNs() + kLongestBlindNs));
  }
}

void FutexWake(std::atomic<std::uint32_t>& word, int count) {
  syscall(SYS_futex, &word, FUTEX_WAKE, count, nullptr, nullptr, 0);
}

}  // namespace amdgpu
