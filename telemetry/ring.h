// The broadcast ring: one writer that never waits, any number of readers that may lag.
//
// Slots of 256 bytes, each a seqlock: the writer overwrites the oldest, a reader that was lapped is
// told how many records it lost. The payload is copied word by word with release stores and acquire
// loads; no fences, which ThreadSanitizer cannot model. Lies in shared memory: no pointers inside,
// and a reader needs no write access.

#ifndef AMDGPU_TELEMETRY_RING_H_
#define AMDGPU_TELEMETRY_RING_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

namespace amdgpu::telemetry {

inline constexpr std::size_t kSlotBytes = 256;
inline constexpr std::size_t kSlotWords = kSlotBytes / 8 - 1;
// Most that one record may take.
inline constexpr std::size_t kMaxRecordBytes = kSlotWords * 8;

// What lies in the shared memory. Zero bytes are an empty ring.
struct alignas(64) RingHeader {
  std::atomic<std::uint64_t> head;  // records ever written
};
struct alignas(64) RingSlot {
  // 2k+1 while record k is being written, 2k+2 when it is whole, 0 never used.
  std::atomic<std::uint64_t> sequence;
  std::uint64_t words[kSlotWords];
};
static_assert(sizeof(RingHeader) == 64 && sizeof(RingSlot) == kSlotBytes);

constexpr std::size_t RingBytes(std::size_t slots) {
  return sizeof(RingHeader) + slots * sizeof(RingSlot);
}

// A record as it travels: trivially copyable and at most kMaxRecordBytes long.
template <typename Record>
concept RingRecord = std::is_trivially_copyable_v<Record> && sizeof(Record) <= kMaxRecordBytes;

// One thread at a time. `slots` is a power of two.
class RingWriter {
 public:
  RingWriter(void* memory, std::size_t slots)
      : header_(static_cast<RingHeader*>(memory)),
        slots_(reinterpret_cast<RingSlot*>(header_ + 1)),
        mask_(slots - 1),
        next_(header_->head.load(std::memory_order_relaxed)) {}

  template <RingRecord Record>
  void Push(const Record& record) {
    std::array<std::uint64_t, (sizeof(Record) + 7) / 8> words{};
    std::memcpy(words.data(), &record, sizeof(Record));
    RingSlot& slot = slots_[next_ & mask_];
    slot.sequence.store(2 * next_ + 1, std::memory_order_relaxed);
    for (std::size_t i = 0; i < words.size(); ++i) {
      // Release: whoever reads a new word also sees the odd sequence.
      std::atomic_ref(slot.words[i]).store(words[i], std::memory_order_release);
    }
    slot.sequence.store(2 * next_ + 2, std::memory_order_release);
    header_->head.store(++next_, std::memory_order_release);
  }

 private:
  RingHeader* const header_;
  RingSlot* const slots_;
  const std::uint64_t mask_;
  std::uint64_t next_;
};

// One reader's view: a cursor of its own. Not thread-safe; make one per thread.
class RingReader {
 public:
  enum class Result { kRecord, kEmpty, kLost };

  // Starts behind the newest record.
  RingReader(void* memory, std::size_t slots)
      : header_(static_cast<RingHeader*>(memory)),
        slots_(reinterpret_cast<RingSlot*>(header_ + 1)),
        mask_(slots - 1),
        next_(header_->head.load(std::memory_order_acquire)) {}

  // The next record. kLost: the writer was faster; lost() has grown and the cursor jumped ahead.
  template <RingRecord Record>
  Result Next(Record* record) {
    RingSlot& slot = slots_[next_ & mask_];
    const std::uint64_t whole = 2 * next_ + 2;
    const std::uint64_t sequence = slot.sequence.load(std::memory_order_acquire);
    if (sequence < whole) return Result::kEmpty;
    if (sequence == whole) {
      std::array<std::uint64_t, (sizeof(Record) + 7) / 8> words;
      for (std::size_t i = 0; i < words.size(); ++i) {
        words[i] = std::atomic_ref(slot.words[i]).load(std::memory_order_acquire);
      }
      // Still the same record: none of the words is of a later one.
      if (slot.sequence.load(std::memory_order_relaxed) == whole) {
        std::memcpy(static_cast<void*>(record), words.data(), sizeof(Record));
        ++next_;
        return Result::kRecord;
      }
    }
    JumpAhead();
    return Result::kLost;
  }

  // Goes back to the oldest record that is still there.
  void Rewind() {
    const std::uint64_t head = header_->head.load(std::memory_order_acquire);
    next_ = head > mask_ ? head - mask_ : 0;
  }

  std::uint64_t lost() const { return lost_; }
  std::uint64_t cursor() const { return next_; }

 private:
  // Half a ring behind the head, so as not to be lapped again at once.
  void JumpAhead() {
    const std::uint64_t head = header_->head.load(std::memory_order_acquire);
    const std::uint64_t half = (mask_ + 1) / 2;
    std::uint64_t target = head > half ? head - half : 0;
    if (target <= next_) target = next_ + 1;
    lost_ += target - next_;
    next_ = target;
  }

  RingHeader* const header_;
  RingSlot* const slots_;
  const std::uint64_t mask_;
  std::uint64_t next_;
  std::uint64_t lost_ = 0;
};

}  // namespace amdgpu::telemetry

#endif  // AMDGPU_TELEMETRY_RING_H_
