// Sleeping on a word of shared memory, and waking who sleeps there.

#ifndef AMDGPU_C_SRC_BASE_FUTEX_H_
#define AMDGPU_C_SRC_BASE_FUTEX_H_

#include <atomic>
#include <cstdint>
#include <optional>

namespace amdgpu {

// Sleeps while `word` is `expected`, until woken, until the time `deadline_ns` on the NowNs()
// clock, or for no reason at all: the caller looks again. False if the deadline has passed. Works
// across processes that map the word.
bool FutexWait(std::atomic<std::uint32_t>& word, std::uint32_t expected,
               std::optional<std::uint64_t> deadline_ns = std::nullopt);

// Wakes up to `count` sleepers.
void FutexWake(std::atomic<std::uint32_t>& word, int count = 1);

}  // namespace amdgpu

#endif  // AMDGPU_C_SRC_BASE_FUTEX_H_
