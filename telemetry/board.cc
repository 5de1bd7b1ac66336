#include "telemetry/board.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <new>
#include <utility>

#include "absl/strings/str_cat.h"
#include "c_src/base/clock.h"
#include "c_src/base/error.h"
#include "c_src/base/futex.h"

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif

namespace amdgpu::telemetry {
namespace {

constexpr std::size_t kHeaderBytes = 4096;
constexpr std::size_t kBoardBytes = kHeaderBytes + kBoardSlots * kBoardSlotBytes;
static_assert(sizeof(BoardHeader) <= kHeaderBytes);

BoardSlot* SlotsOf(const std::byte* data) {
  return reinterpret_cast<BoardSlot*>(const_cast<std::byte*>(data) + kHeaderBytes);
}

}  // namespace

absl::StatusOr<BoardWriter> BoardWriter::Create() {
  absl::StatusOr<UniqueFd> fd = CreateSharedMemory("amdgpu-frames", kBoardBytes);
  if (!fd.ok()) return fd.status();
  // A page that is not there when it is first written would be a SIGBUS in the BEAM.
  if (absl::Status status = CommitSharedMemory(fd->get(), 0, kBoardBytes); !status.ok()) {
    return status;
  }
  absl::StatusOr<Mapping> mapping = Mapping::Map(fd->get(), 0, kBoardBytes);
  if (!mapping.ok()) return mapping.status();
  // Nobody else may map it writable. Kernels before 5.1 do not know this seal; the descriptor that
  // is handed out cannot write all the same.
  fcntl(fd->get(), F_ADD_SEALS, F_SEAL_FUTURE_WRITE);
  UniqueFd read_only(open(absl::StrCat("/proc/self/fd/", fd->get()).c_str(), O_RDONLY | O_CLOEXEC));
  if (!read_only.valid()) return ErrnoError(errno, "opening the frame board for reading");
  return BoardWriter(std::move(read_only), *std::move(mapping));
}

BoardWriter::BoardWriter(UniqueFd read_only_fd, Mapping mapping)
    : read_only_fd_(std::move(read_only_fd)),
      mapping_(std::move(mapping)),
      header_(new(mapping_.data()) BoardHeader{}),
      slots_(SlotsOf(mapping_.data())) {
  header_->slots = kBoardSlots;
  header_->slot_bytes = kBoardSlotBytes;
  header_->pid = getpid();
  header_->started_ns = NowNs();
  header_->magic = kBoardMagic;
}

BoardWriter::~BoardWriter() {
  if (mapping_.data() == nullptr) return;  // moved from
  header_->closed.store(1, std::memory_order_release);
  header_->bell.fetch_add(1, std::memory_order_release);
  FutexWake(header_->bell, std::numeric_limits<int>::max());
}

bool BoardWriter::Publish(absl::string_view frame) {
  if (frame.size() > kMaxFrameBytes) return false;
  BoardSlot& slot = slots_[next_ % kBoardSlots];
  slot.sequence.store(2 * next_ + 1, std::memory_order_relaxed);
  // Release: whoever reads a new word also sees the odd sequence.
  std::atomic_ref(slot.words[0]).store(frame.size(), std::memory_order_release);
  std::size_t word = 1;
  while (!frame.empty()) {
    std::uint64_t value = 0;
    const std::size_t bytes = std::min(frame.size(), sizeof(value));
    std::memcpy(&value, frame.data(), bytes);
    frame.remove_prefix(bytes);
    std::atomic_ref(slot.words[word++]).store(value, std::memory_order_release);
  }
  slot.sequence.store(2 * next_ + 2, std::memory_order_release);
  header_->head.store(++next_, std::memory_order_release);
  header_->bell.fetch_add(1, std::memory_order_release);
  // Who sleeps cannot say so: readers have no write access.
  FutexWake(header_->bell, std::numeric_limits<int>::max());
  return true;
}

absl::StatusOr<BoardReader> BoardReader::Open(int fd) {
  const absl::StatusOr<std::uint64_t> bytes = FileBytes(fd);
  if (!bytes.ok()) return bytes.status();
  // Sealed against shrinking, so that the mapping stays good.
  const int seals = fcntl(fd, F_GET_SEALS);
  if (*bytes != kBoardBytes || seals < 0 || (seals & F_SEAL_SHRINK) == 0) {
    return absl::FailedPreconditionError("not a frame board of this version");
  }
  void* const data = mmap(nullptr, kBoardBytes, PROT_READ, MAP_SHARED, fd, 0);
  if (data == MAP_FAILED) return ErrnoError(errno, "mapping a frame board");
  BoardReader reader(static_cast<const std::byte*>(data), kBoardBytes);
  if (reader.header_->magic != kBoardMagic || reader.header_->slots != kBoardSlots ||
      reader.header_->slot_bytes != kBoardSlotBytes) {
    return absl::FailedPreconditionError("not a frame board of this version");
  }
  return reader;
}

BoardReader::BoardReader(const std::byte* data, std::size_t bytes)
    : data_(data),
      bytes_(bytes),
      header_(reinterpret_cast<BoardHeader*>(const_cast<std::byte*>(data))),
      next_(header_->head.load(std::memory_order_acquire)) {}

BoardReader::BoardReader(BoardReader&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      bytes_(other.bytes_),
      header_(other.header_),
      next_(other.next_),
      missed_(other.missed_) {}

BoardReader& BoardReader::operator=(BoardReader&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(bytes_, other.bytes_);
  std::swap(header_, other.header_);
  std::swap(next_, other.next_);
  std::swap(missed_, other.missed_);
  return *this;
}

BoardReader::~BoardReader() {
  if (data_ != nullptr) munmap(const_cast<std::byte*>(data_), bytes_);
}

bool BoardReader::Read(std::uint64_t number, std::string* frame) const {
  BoardSlot& slot = SlotsOf(data_)[number % kBoardSlots];
  const std::uint64_t whole = 2 * number + 2;
  if (slot.sequence.load(std::memory_order_acquire) != whole) return false;
  const std::uint64_t bytes = std::atomic_ref(slot.words[0]).load(std::memory_order_acquire);
  if (bytes > kMaxFrameBytes) return false;
  frame->resize(bytes);
  std::size_t word = 1;
  for (std::size_t at = 0; at < bytes; at += sizeof(std::uint64_t)) {
    const std::uint64_t value = std::atomic_ref(slot.words[word++]).load(std::memory_order_acquire);
    std::memcpy(frame->data() + at, &value, std::min(bytes - at, sizeof(value)));
  }
  return slot.sequence.load(std::memory_order_relaxed) == whole;
}

BoardReader::Result BoardReader::Next(std::string* frame) {
  // Each round ends or jumps ahead; a writer would have to overtake every one of them.
  for (int attempt = 0; attempt < 8; ++attempt) {
    const std::uint64_t head = header_->head.load(std::memory_order_acquire);
    if (head <= next_) return Result::kEmpty;
    if (head - next_ > kBoardSlots) {
      // Some slots ahead of the writer, so as not to be overtaken at once.
      const std::uint64_t target = head - kBoardSlots + kBoardSlots / 8;
      missed_ += target - next_;
      next_ = target;
    }
    if (Read(next_, frame)) {
      ++next_;
      return Result::kFrame;
    }
    ++missed_;
    ++next_;
  }
  return Result::kEmpty;
}

BoardReader::Result BoardReader::Latest(std::string* frame) {
  for (int attempt = 0; attempt < 8; ++attempt) {
    const std::uint64_t head = header_->head.load(std::memory_order_acquire);
    if (head <= next_) return Result::kEmpty;
    if (Read(head - 1, frame)) {
      next_ = head;
      return Result::kFrame;
    }
  }
  return Result::kEmpty;
}

void BoardReader::Rewind() {
  const std::uint64_t head = header_->head.load(std::memory_order_acquire);
  constexpr std::uint64_t kKept = kBoardSlots - 1;  // the oldest is the next to be overwritten
  next_ = head > kKept ? head - kKept : 0;
}

bool BoardReader::Ready() const { return header_->head.load(std::memory_order_acquire) > next_; }

bool BoardReader::closed() const { return header_->closed.load(std::memory_order_acquire) != 0; }

bool BoardReader::Wait(std::uint64_t deadline_ns) {
  while (true) {
    const std::uint32_t rung = header_->bell.load(std::memory_order_acquire);
    if (Ready()) return true;
    if (closed() || NowNs() >= deadline_ns) return false;
    if (!FutexWait(header_->bell, rung, deadline_ns)) return Ready();
  }
}

}  // namespace amdgpu::telemetry
