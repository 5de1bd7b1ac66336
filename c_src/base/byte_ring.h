// A ring of records of any size between one producer and one consumer, in memory that two processes
// share.
//
// Records start at multiples of kRecordAlignment and never wrap: the producer fills what is left at
// the end with a pad, which the consumer skips. Cursors count bytes for ever. The consumer trusts
// neither the cursors nor the records.

#ifndef AMDGPU_C_SRC_BASE_BYTE_RING_H_
#define AMDGPU_C_SRC_BASE_BYTE_RING_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace amdgpu {

inline constexpr std::uint64_t kRecordAlignment = 64;

// The first bytes of every record, a pad included.
struct RecordPrefix {
  std::uint32_t bytes;  // of the whole record, a multiple of kRecordAlignment
  std::uint16_t kind;   // 0 is a pad
};

constexpr std::uint64_t RecordBytes(std::uint64_t payload) {
  return (payload + kRecordAlignment - 1) / kRecordAlignment * kRecordAlignment;
}

// The producer's side. `capacity` is a power of two. Several producers take turns under a lock of
// theirs.
class ByteRingProducer {
 public:
  ByteRingProducer() = default;
  ByteRingProducer(std::byte* data, std::uint64_t capacity, std::atomic<std::uint64_t>* head,
                   const std::atomic<std::uint64_t>* tail)
      : data_(data), capacity_(capacity), head_(head), tail_(tail), next_(head->load()) {}

  // Room for a record of `bytes` (a multiple of kRecordAlignment, at most half the ring), or null
  // when the ring is full. The caller writes it, and its RecordPrefix, and then publishes.
  std::byte* Reserve(std::uint64_t bytes) {
    const std::uint64_t used = next_ - tail_->load(std::memory_order_acquire);
    const std::uint64_t position = next_ & (capacity_ - 1);
    const std::uint64_t left = capacity_ - position;
    const std::uint64_t pad = left < bytes ? left : 0;
    if (used > capacity_ || capacity_ - used < pad + bytes) return nullptr;
    if (pad != 0) {
      const RecordPrefix prefix{static_cast<std::uint32_t>(pad), 0};
      std::memcpy(data_ + position, &prefix, sizeof(prefix));
      next_ += pad;
    }
    return data_ + (next_ & (capacity_ - 1));
  }

  // Makes the record that was reserved last visible.
  void Publish(std::uint64_t bytes) {
    next_ += bytes;
    head_->store(next_, std::memory_order_seq_cst);
  }

  bool empty() const { return tail_->load(std::memory_order_acquire) == next_; }

 private:
  std::byte* data_ = nullptr;
  std::uint64_t capacity_ = 0;
  std::atomic<std::uint64_t>* head_ = nullptr;
  const std::atomic<std::uint64_t>* tail_ = nullptr;
  std::uint64_t next_ = 0;  // where the next record goes
};

// The consumer's side.
class ByteRingConsumer {
 public:
  enum class Result { kRecord, kEmpty, kCorrupt };

  ByteRingConsumer() = default;
  ByteRingConsumer(const std::byte* data, std::uint64_t capacity,
                   const std::atomic<std::uint64_t>* head, std::atomic<std::uint64_t>* tail)
      : data_(data), capacity_(capacity), head_(head), tail_(tail), next_(tail->load()) {}

  bool ready() const { return head_->load(std::memory_order_seq_cst) != next_; }

  // Copies the next record into `out` and gives its room back. kCorrupt: what is there is no record
  // or does not fit `out`; nothing further can be read.
  Result Pop(std::byte* out, std::uint64_t out_bytes, std::uint64_t* record_bytes) {
    while (true) {
      const std::uint64_t available = head_->load(std::memory_order_acquire) - next_;
      if (available == 0) return Result::kEmpty;
      const std::uint64_t position = next_ & (capacity_ - 1);
      RecordPrefix prefix;
      std::memcpy(&prefix, data_ + position, sizeof(prefix));
      if (available > capacity_ || prefix.bytes == 0 || prefix.bytes % kRecordAlignment != 0 ||
          prefix.bytes > available || prefix.bytes > capacity_ - position) {
        return Result::kCorrupt;
      }
      if (prefix.kind == 0) {
        Advance(prefix.bytes);
        continue;
      }
      if (prefix.bytes > out_bytes) return Result::kCorrupt;
      std::memcpy(out, data_ + position, prefix.bytes);
      *record_bytes = prefix.bytes;
      Advance(prefix.bytes);
      return Result::kRecord;
    }
  }

 private:
  void Advance(std::uint64_t bytes) {
    next_ += bytes;
    tail_->store(next_, std::memory_order_release);
  }

  const std::byte* data_ = nullptr;
  std::uint64_t capacity_ = 0;
  const std::atomic<std::uint64_t>* head_ = nullptr;
  std::atomic<std::uint64_t>* tail_ = nullptr;
  std::uint64_t next_ = 0;
};

}  // namespace amdgpu

#endif  // AMDGPU_C_SRC_BASE_BYTE_RING_H_
