// The staging arena: room for bytes on their way to the device, given out in order like a ring.

#ifndef AMDGPU_C_SRC_RUNTIME_STAGING_H_
#define AMDGPU_C_SRC_RUNTIME_STAGING_H_

#include <cstdint>
#include <deque>
#include <optional>

#include "c_src/memory/stream_clock.h"

namespace amdgpu {

// Offsets within `capacity` bytes. Not thread-safe.
class Staging {
 public:
  explicit Staging(std::uint64_t capacity) : capacity_(capacity) {}

  // Room for `bytes`, if the oldest pieces whose work has ended leave it.
  std::optional<std::uint64_t> Take(std::uint64_t bytes, const StreamClocks& clocks) {
    while (!pieces_.empty() && !pieces_.front().held && clocks.Passed(pieces_.front().fence)) {
      pieces_.pop_front();
    }
    bytes = (bytes + kAlignment - 1) / kAlignment * kAlignment;
    if (pieces_.empty()) next_ = 0;
    const std::uint64_t oldest = pieces_.empty() ? capacity_ : pieces_.front().offset;
    // The free room is [next_, oldest), or [next_, capacity_) and [0, oldest) if that wraps.
    const bool wraps = pieces_.empty() || next_ > oldest;
    if (wraps) {
      if (capacity_ - next_ >= bytes) return next_;
      if (pieces_.empty() || oldest <= bytes) return std::nullopt;
      return 0;
    }
    // Never filled up entirely: next_ == oldest would look empty.
    return oldest - next_ > bytes ? std::optional<std::uint64_t>(next_) : std::nullopt;
  }

  // The piece taken last is in use until `fence`, and if it is `held` also until Release.
  void Use(std::uint64_t offset, std::uint64_t bytes, const Fence& fence, bool held = false) {
    pieces_.push_back({offset, fence, held});
    next_ = offset + (bytes + kAlignment - 1) / kAlignment * kAlignment;
  }

  // The held piece at `offset` is in use until `fence`, and no longer held.
  void Release(std::uint64_t offset, const Fence& fence = {}) {
    for (Piece& piece : pieces_) {
      if (piece.offset == offset && piece.held) piece = {offset, fence, false};
    }
  }

 private:
  static constexpr std::uint64_t kAlignment = 64;
  struct Piece {
    std::uint64_t offset;
    Fence fence;
    bool held;
  };

  const std::uint64_t capacity_;
  std::uint64_t next_ = 0;
  std::deque<Piece> pieces_;
};

}  // namespace amdgpu

#endif  // AMDGPU_C_SRC_RUNTIME_STAGING_H_
