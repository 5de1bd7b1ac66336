// Sleeping on a word of shared memory, and waking who sleeps there.

#ifndef AMDGPU_C_SRC_BASE_FUTEX_H_
#define AMDGPU_C_SRC_BASE_FUTEX_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace amdgpu {

// Sleeps while `word` is `expected`, until woken, until the time `deadline_ns` on the NowNs()
// clock, or for no reason at all: the caller looks again. False if the deadline has passed. Works
// across processes that map the word.
bool FutexWait(std::atomic<std::uint32_t>& word, std::uint32_t expected,
               std::optional<std::uint64_t> deadline_ns = std::nullopt);

// A word, and what it is expected to be.
struct FutexWord {
  std::atomic<std::uint32_t>* word;
  std::uint32_t expected;
};

// Sleeps until one of at most kMostFutexWords `words` is no longer as expected, and as above.
// Before Linux 5.16 only the first one wakes, and the sleep ends after 30 ms at the latest.
inline constexpr std::size_t kMostFutexWords = 128;
void FutexWaitAny(std::span<const FutexWord> words, std::uint64_t deadline_ns);

// Wakes up to `count` sleepers.
void FutexWake(std::atomic<std::uint32_t>& word, int count = 1);

}  // namespace amdgpu

#endif  // AMDGPU_C_SRC_BASE_FUTEX_H_
