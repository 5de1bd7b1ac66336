// How far each stream has come. The runtime writes, the pool reads.

#ifndef AMDGPU_C_SRC_MEMORY_STREAM_CLOCK_H_
#define AMDGPU_C_SRC_MEMORY_STREAM_CLOCK_H_

#include <atomic>
#include <memory>

#include "c_src/memory/types.h"

namespace amdgpu {

// The tickets of one stream. Both only grow; submitted >= completed.
struct alignas(64) StreamClock {
  std::atomic<Ticket> submitted{0};  // the last that was queued
  std::atomic<Ticket> completed{0};  // it and all before it have ended
};

// The clocks of a device's streams, 0 to kMaxStreams - 1. Thread-safe.
//
// Completed is stored with release after the work's effects are visible: whoever sees a fence
// passed may use the memory. When a worker has died nothing runs any more: store completed =
// submitted for every stream.
class StreamClocks {
 public:
  StreamClocks() : clocks_(std::make_unique<StreamClock[]>(kMaxStreams)) {}

  // `stream` must be below kMaxStreams.
  StreamClock& operator[](StreamId stream) { return clocks_[stream]; }
  const StreamClock& operator[](StreamId stream) const { return clocks_[stream]; }

  // True for Fence{} too.
  bool Passed(const Fence& fence) const {
    return clocks_[fence.stream].completed.load(std::memory_order_acquire) >= fence.ticket;
  }

  // The end of what is queued in `stream` now.
  Fence Now(StreamId stream) const {
    return {stream, clocks_[stream].submitted.load(std::memory_order_acquire)};
  }

 private:
  std::unique_ptr<StreamClock[]> clocks_;
};

}  // namespace amdgpu

#endif  // AMDGPU_C_SRC_MEMORY_STREAM_CLOCK_H_
