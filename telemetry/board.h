// The frame board: where a runtime publishes its encoded frames, once, for readers in any process.
//
// A ring of kBoardSlots frames in shared memory that the runtime alone may write. Each slot is a
// seqlock, copied word by word with release stores and acquire loads as in ring.h. A reader has a
// cursor of its own, may wait for the next frame, may take the newest and skip the rest, and is
// told how many frames it missed. How a process comes by the descriptor: attach.h.

#ifndef AMDGPU_TELEMETRY_BOARD_H_
#define AMDGPU_TELEMETRY_BOARD_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "c_src/base/shared_memory.h"
#include "c_src/base/unique_fd.h"

namespace amdgpu::telemetry {

inline constexpr std::uint64_t kBoardMagic = 0x3144524f42475041;  // "APGBORD1"
inline constexpr std::size_t kBoardSlots = 64;
// A slot holds its sequence, a length and the frame.
inline constexpr std::size_t kBoardSlotBytes = std::size_t{128} << 10;
inline constexpr std::size_t kMaxFrameBytes = kBoardSlotBytes - 16;

struct BoardHeader {
  std::uint64_t magic;
  std::uint32_t slots;
  std::uint32_t slot_bytes;
  std::int32_t pid;
  std::uint32_t reserved;
  std::uint64_t started_ns;                     // NowNs() clock
  alignas(64) std::atomic<std::uint64_t> head;  // frames ever published
  // Bumped with each frame, and when the board closes. Readers sleep on it, without write access.
  std::atomic<std::uint32_t> bell;
  std::atomic<std::uint32_t> closed;
};
struct BoardSlot {
  std::atomic<std::uint64_t>
      sequence;  // 2k+1 while frame k is being written, 2k+2 when it is whole
  std::uint64_t words[kBoardSlotBytes / 8 - 1];  // the length in bytes, then the frame
};
static_assert(sizeof(BoardSlot) == kBoardSlotBytes);

// The runtime's side. One thread at a time; the destructor closes the board: readers see the last
// frames and then its end.
class BoardWriter {
 public:
  static absl::StatusOr<BoardWriter> Create();
  BoardWriter(BoardWriter&&) = default;
  ~BoardWriter();

  // False, and nothing is published, if the frame is longer than kMaxFrameBytes.
  bool Publish(absl::string_view frame);

  // A descriptor that can only be read, for other processes. Lives as long as the board.
  int read_only_fd() const { return read_only_fd_.get(); }
  std::uint64_t published() const { return next_; }

 private:
  BoardWriter(UniqueFd read_only_fd, Mapping mapping);

  UniqueFd read_only_fd_;
  Mapping mapping_;
  BoardHeader* header_;
  BoardSlot* slots_;
  std::uint64_t next_ = 0;
};

// One reader's view. Not thread-safe; make one per thread. What it reads is checked: a board that
// somebody else has made up yields errors and wrong bytes, never a fault.
class BoardReader {
 public:
  enum class Result { kFrame, kEmpty };

  // Maps the board behind `fd`, which is not kept. kFailedPrecondition if it is none, or of another
  // layout. Starts behind the newest frame.
  static absl::StatusOr<BoardReader> Open(int fd);
  BoardReader(BoardReader&& other) noexcept;
  BoardReader& operator=(BoardReader&& other) noexcept;
  ~BoardReader();

  // The next frame in order. After more than kBoardSlots were published meanwhile the oldest are
  // skipped and counted in missed().
  Result Next(std::string* frame);
  // The newest frame, if there is one that was not read; what is skipped does not count as missed.
  Result Latest(std::string* frame);
  // Goes back to the oldest frame that is still there.
  void Rewind();

  // Sleeps until there is a frame to read (true), the deadline (NowNs() clock) has passed or the
  // board is closed (false).
  bool Wait(std::uint64_t deadline_ns);

  // The runtime has closed the board. One that was killed has not: see Attachment::alive.
  bool closed() const;
  std::int32_t pid() const { return header_->pid; }
  std::uint64_t started_ns() const { return header_->started_ns; }
  std::uint64_t missed() const { return missed_; }

 private:
  BoardReader(const std::byte* data, std::size_t bytes);
  bool Ready() const;
  // False: overtaken while reading.
  bool Read(std::uint64_t number, std::string* frame) const;

  const std::byte* data_;
  std::size_t bytes_;
  BoardHeader* header_;  // not written: the mapping is read-only
  std::uint64_t next_ = 0;
  std::uint64_t missed_ = 0;
};

}  // namespace amdgpu::telemetry

#endif  // AMDGPU_TELEMETRY_BOARD_H_
