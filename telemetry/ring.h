// The broadcast ring: writers that never wait, any number of readers that may lag.
//
// Slots of 256 bytes, each a seqlock: writers overwrite the oldest, and a reader that was overtaken
// is told exactly how many records it lost. Lies in shared memory: no pointers inside, and a reader
// needs no write access.
//
// The protocol of a slot. Its mark is a record's number + 1 and a state: `whole` (record `number`
// is there), `writing` (its writer is at it) or `given up` (it is lost, and nobody writes here).
//
// A writer takes a number (fetch_add on the head), and the slot by a compare-and-swap from an older
// mark that is not writing. If an older record is still being written there, or a newer one has
// come already, the ring has gone round a writer that was held up: the record is lost, and where it
// is not plain to see (the older case) the slot's `lapped` says so. Having written the words the
// writer turns its mark to whole. So no two ever write the words of one slot at a time, nobody
// waits, and no mark claims a record that is not whole.
//
// The words are copied one by one with release stores and acquire loads (no fences, which
// ThreadSanitizer cannot model): who reads a word of a later record sees that record's mark when it
// looks at the mark again.
//
// The atomics go through `Access`, so that tests can run every interleaving of this very code.

#ifndef AMDGPU_TELEMETRY_RING_H_
#define AMDGPU_TELEMETRY_RING_H_

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

namespace amdgpu::telemetry {

inline constexpr std::size_t kSlotBytes = 256;
inline constexpr std::size_t kSlotWords = kSlotBytes / 8 - 2;
// Most that one record may take.
inline constexpr std::size_t kMaxRecordBytes = kSlotWords * 8;

// What lies in the shared memory. Zero bytes are an empty ring.
struct alignas(64) RingHeader {
  std::uint64_t head;  // numbers ever given to records
};
struct alignas(64) RingSlot {
  std::uint64_t mark;
  std::uint64_t lapped;  // the newest number + 1 that was lost here without a mark
  std::uint64_t words[kSlotWords];
};
static_assert(sizeof(RingHeader) == 64 && sizeof(RingSlot) == kSlotBytes);

constexpr std::size_t RingBytes(std::size_t slots) {
  return sizeof(RingHeader) + slots * sizeof(RingSlot);
}

// A record as it travels: trivially copyable, of whole words, at most kMaxRecordBytes long.
template <typename Record>
concept RingRecord = std::is_trivially_copyable_v<Record> && sizeof(Record) % 8 == 0 &&
                     sizeof(Record) <= kMaxRecordBytes;

// How many records ahead memory is asked for: a ring is larger than a core's caches, and who comes
// to a slot again finds it in another's.
inline constexpr std::uint64_t kSlotsAhead = 4;

// The atomics of this machine.
struct MachineAccess {
  // Asks for a slot's memory, to be there when it is written or read; for the two lines that a
  // launch's record takes. Changes nothing.
  static void ExpectWrite(const RingSlot& slot) {
    for (std::size_t line = 0; line < 2; ++line) {
      const void* const address = reinterpret_cast<const char*>(&slot) + line * 64;
#if defined(__x86_64__)
      asm volatile("prefetchw (%0)" : : "r"(address));
#else
      __builtin_prefetch(address, 1);
#endif
    }
  }
  static void ExpectRead(const RingSlot& slot) {
    for (std::size_t line = 0; line < 2; ++line) {
      __builtin_prefetch(reinterpret_cast<const char*>(&slot) + line * 64);
    }
  }
  static std::uint64_t Load(std::uint64_t& word, std::memory_order order) {
    return std::atomic_ref(word).load(order);
  }
  static void Store(std::uint64_t& word, std::uint64_t value, std::memory_order order) {
    std::atomic_ref(word).store(value, order);
  }
  static std::uint64_t FetchAdd(std::uint64_t& word, std::uint64_t value) {
    return std::atomic_ref(word).fetch_add(value, std::memory_order_acq_rel);
  }
  static bool CompareExchange(std::uint64_t& word, std::uint64_t& expected, std::uint64_t desired) {
    return std::atomic_ref(word).compare_exchange_strong(
        expected, desired, std::memory_order_acq_rel, std::memory_order_acquire);
  }
};

namespace ring_internal {

enum State : std::uint64_t { kWhole = 0, kWriting = 1, kGivenUp = 2 };

constexpr std::uint64_t Mark(std::uint64_t number, State state) {
  return (number + 1) << 2 | state;
}
constexpr State StateOf(std::uint64_t mark) { return static_cast<State>(mark & 3); }
// The number + 1, so that a slot never used is older than all.
constexpr std::uint64_t AgeOf(std::uint64_t mark) { return mark >> 2; }

template <typename Record>
inline constexpr std::size_t kWords = sizeof(Record) / 8;

template <typename Record>
std::uint64_t WordOf(const Record& record, std::size_t index) {
  std::uint64_t word;
  std::memcpy(&word, reinterpret_cast<const char*>(&record) + index * 8, sizeof(word));
  return word;
}

}  // namespace ring_internal

// NOLINTBEGIN(google-build-using-namespace): our own, within the bodies of functions.
// The only writer of its ring, one thread at a time. `slots` is a power of two.
class RingWriter {
 public:
  RingWriter(void* memory, std::size_t slots)
      : header_(static_cast<RingHeader*>(memory)),
        slots_(reinterpret_cast<RingSlot*>(header_ + 1)),
        mask_(slots - 1),
        next_(std::atomic_ref(header_->head).load(std::memory_order_relaxed)) {}

  template <RingRecord Record>
  void Push(const Record& record) {
    using namespace ring_internal;
    RingSlot& slot = slots_[next_ & mask_];
    std::atomic_ref(slot.mark).store(Mark(next_, kWriting), std::memory_order_relaxed);
    for (std::size_t i = 0; i < kWords<Record>; ++i) {
      std::atomic_ref(slot.words[i]).store(WordOf(record, i), std::memory_order_release);
    }
    std::atomic_ref(slot.mark).store(Mark(next_, kWhole), std::memory_order_release);
    std::atomic_ref(header_->head).store(++next_, std::memory_order_release);
  }

 private:
  RingHeader* const header_;
  RingSlot* const slots_;
  const std::uint64_t mask_;
  std::uint64_t next_;
};

// One of several writers: threads of one process. Thread-safe.
template <typename Access = MachineAccess>
class BasicSharedRingWriter {
 public:
  BasicSharedRingWriter(void* memory, std::size_t slots)
      : header_(static_cast<RingHeader*>(memory)),
        slots_(reinterpret_cast<RingSlot*>(header_ + 1)),
        mask_(slots - 1) {}

  // The record's number. It may be lost at once, if the writers go round the ring while one of them
  // is held up; readers are told.
  template <RingRecord Record>
  std::uint64_t Push(const Record& record) {
    using namespace ring_internal;
    const std::uint64_t number = Access::FetchAdd(header_->head, 1);
    RingSlot& slot = slots_[number & mask_];
    if (!Take(slot, number)) return number;
    for (std::size_t i = 0; i < kWords<Record>; ++i) {
      Access::Store(slot.words[i], WordOf(record, i), std::memory_order_release);
    }
    Access::Store(slot.mark, Mark(number, kWhole), std::memory_order_release);
    Access::ExpectWrite(slots_[(number + kSlotsAhead) & mask_]);
    return number;
  }

  // After the process whose threads wrote has died, and before others write: what was begun and
  // never finished is given up, so that readers do not wait for it.
  void Recover() {
    using namespace ring_internal;
    const std::uint64_t head = Access::Load(header_->head, std::memory_order_acquire);
    const std::uint64_t oldest = head > mask_ ? head - mask_ - 1 : 0;
    for (std::uint64_t number = oldest; number < head; ++number) {
      RingSlot& slot = slots_[number & mask_];
      if (Access::Load(slot.mark, std::memory_order_acquire) == Mark(number, kWhole)) continue;
      Access::Store(slot.mark, Mark(number, kGivenUp), std::memory_order_release);
    }
  }

 private:
  // False: the record of this number is lost.
  static bool Take(RingSlot& slot, std::uint64_t number) {
    using namespace ring_internal;
    std::uint64_t mark = Access::Load(slot.mark, std::memory_order_acquire);
    while (AgeOf(mark) <= number) {
      if (StateOf(mark) == kWriting) {
        std::uint64_t lapped = Access::Load(slot.lapped, std::memory_order_relaxed);
        while (lapped <= number && !Access::CompareExchange(slot.lapped, lapped, number + 1)) {
        }
        return false;
      }
      if (Access::CompareExchange(slot.mark, mark, Mark(number, kWriting))) return true;
    }
    return false;
  }

  RingHeader* const header_;
  RingSlot* const slots_;
  const std::uint64_t mask_;
};
using SharedRingWriter = BasicSharedRingWriter<>;

// One reader's view: a cursor of its own. Not thread-safe; make one per thread.
template <typename Access = MachineAccess>
class BasicRingReader {
 public:
  enum class Result { kRecord, kEmpty, kLost };

  // Starts behind the newest record.
  BasicRingReader(void* memory, std::size_t slots)
      : header_(static_cast<RingHeader*>(memory)),
        slots_(reinterpret_cast<RingSlot*>(header_ + 1)),
        mask_(slots - 1),
        next_(Head()) {}

  // The next record. kLost: the writers were faster; lost() has grown and the cursor jumped ahead.
  template <RingRecord Record>
  Result Next(Record* record) {
    return Next(record, [](std::uint64_t) { return ring_internal::kWords<Record>; });
  }

  // The same for records of several kinds: `words_of(first word)` is how many words of it to copy.
  template <RingRecord Record, typename WordsOf>
  Result Next(Record* record, WordsOf words_of) {
    using namespace ring_internal;
    RingSlot& slot = slots_[next_ & mask_];
    const std::uint64_t mark = Access::Load(slot.mark, std::memory_order_acquire);
    const std::uint64_t age = next_ + 1;
    Access::ExpectRead(slots_[(next_ + kSlotsAhead) & mask_]);
    if (AgeOf(mark) < age) {
      if (Access::Load(slot.lapped, std::memory_order_acquire) < age) return Result::kEmpty;
      return LoseOne();
    }
    if (mark == Mark(next_, kWhole)) {
      std::array<std::uint64_t, kWords<Record>> words;
      words[0] = Access::Load(slot.words[0], std::memory_order_acquire);
      const std::size_t count = std::min<std::size_t>(words_of(words[0]), words.size());
      for (std::size_t i = 1; i < count; ++i) {
        words[i] = Access::Load(slot.words[i], std::memory_order_acquire);
      }
      // Still the same record: none of the words is of a later one.
      if (Access::Load(slot.mark, std::memory_order_relaxed) == mark) {
        std::memcpy(static_cast<void*>(record), words.data(), count * sizeof(std::uint64_t));
        ++next_;
        return Result::kRecord;
      }
    } else if (AgeOf(mark) == age) {
      return StateOf(mark) == kWriting ? Result::kEmpty : LoseOne();
    }
    JumpAhead();
    return Result::kLost;
  }

  // Goes back to the oldest record that is still there.
  void Rewind() {
    const std::uint64_t head = Head();
    next_ = head > mask_ ? head - mask_ : 0;
  }

  std::uint64_t lost() const { return lost_; }
  std::uint64_t cursor() const { return next_; }
  // Records that are there or on their way, and not read.
  std::uint64_t behind() const { return Head() - next_; }

 private:
  std::uint64_t Head() const { return Access::Load(header_->head, std::memory_order_acquire); }

  // This record is lost, the ones behind it need not be.
  Result LoseOne() {
    ++lost_;
    ++next_;
    return Result::kLost;
  }

  // Half a ring behind the head, so as not to be overtaken again at once.
  void JumpAhead() {
    const std::uint64_t head = Head();
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
using RingReader = BasicRingReader<>;
// NOLINTEND(google-build-using-namespace)

}  // namespace amdgpu::telemetry

#endif  // AMDGPU_TELEMETRY_RING_H_
