#include "gpu/host/driver/bulk.h"

#include <algorithm>
#include <cstring>

#include "gpu/host/driver/running_launch.h"

namespace amdgpu::host {
namespace {

// What one thread does at a time. Large enough that the C library takes its path for large copies.
constexpr std::uint64_t kPieceBytes = std::uint64_t{4} << 20;

// Only for deciding who runs it: about what a core copies from its caches.
constexpr double kBytesPerNs = 20;

// Work on `bytes` bytes, in pieces.
class BulkTask : public Task {
 public:
  BulkTask(gpu::Ticket ticket, std::uint64_t bytes, std::uint64_t piece_bytes)
      : Task(ticket, std::max<std::uint64_t>(1, (bytes + piece_bytes - 1) / piece_bytes)),
        bytes_(bytes),
        piece_bytes_(piece_bytes) {}

  void Run(std::uint64_t first, std::uint64_t last) final {
    RunningLaunch running;
    running.ticket = ticket();
    SetCurrentLaunch(&running);
    const std::uint64_t begin = first * piece_bytes_;
    RunBytes(begin, std::min(bytes_, last * piece_bytes_) - begin);
    SetCurrentLaunch(nullptr);
  }

  void Finish(double) final {}

  double ExpectedUnitNs() const final {
    return 1 + static_cast<double>(std::min(bytes_, piece_bytes_)) / kBytesPerNs;
  }

  bool NeedsKernelThread() const final { return false; }

 protected:
  virtual void RunBytes(std::uint64_t offset, std::uint64_t bytes) = 0;

 private:
  const std::uint64_t bytes_;
  const std::uint64_t piece_bytes_;
};

class CopyTask final : public BulkTask {
 public:
  CopyTask(gpu::Ticket ticket, std::byte* destination, const std::byte* source, std::uint64_t bytes,
           std::uint64_t piece_bytes)
      : BulkTask(ticket, bytes, piece_bytes), destination_(destination), source_(source) {}

 protected:
  void RunBytes(std::uint64_t offset, std::uint64_t bytes) override {
    if (bytes > 0) std::memmove(destination_ + offset, source_ + offset, bytes);
  }

 private:
  std::byte* const destination_;
  const std::byte* const source_;
};

class FillTask final : public BulkTask {
 public:
  FillTask(gpu::Ticket ticket, std::byte* destination, std::uint64_t pattern,
           std::uint32_t pattern_bytes, std::uint64_t bytes)
      : BulkTask(ticket, bytes, kPieceBytes), destination_(destination) {
    for (std::size_t i = 0; i < sizeof(pattern_); i += pattern_bytes) {
      std::memcpy(pattern_ + i, &pattern, pattern_bytes);
    }
    single_byte_ = std::all_of(pattern_, pattern_ + sizeof(pattern_),
                               [this](unsigned char byte) { return byte == pattern_[0]; });
  }

 protected:
  void RunBytes(std::uint64_t offset, std::uint64_t bytes) override {
    if (bytes == 0) return;
    std::byte* const start = destination_ + offset;  // at a multiple of the pattern
    if (single_byte_) {
      std::memset(start, pattern_[0], bytes);
      return;
    }
    std::uint64_t done = 0;
    for (; done + sizeof(pattern_) <= bytes; done += sizeof(pattern_)) {
      std::memcpy(start + done, pattern_, sizeof(pattern_));
    }
    std::memcpy(start + done, pattern_, bytes - done);
  }

 private:
  std::byte* const destination_;
  unsigned char pattern_[64];  // repeated, so that the loop moves whole registers
  bool single_byte_ = false;
};

}  // namespace

std::unique_ptr<Task> MakeCopy(gpu::Ticket ticket, void* destination, const void* source,
                               std::uint64_t bytes) {
  auto* to = static_cast<std::byte*>(destination);
  const auto* from = static_cast<const std::byte*>(source);
  // Pieces of ranges that overlap would read what another has written: one piece then.
  const auto to_address = reinterpret_cast<std::uint64_t>(to);
  const auto from_address = reinterpret_cast<std::uint64_t>(from);
  const std::uint64_t distance =
      to_address > from_address ? to_address - from_address : from_address - to_address;
  const std::uint64_t piece = distance < bytes ? bytes : kPieceBytes;
  return std::make_unique<CopyTask>(ticket, to, from, bytes, piece);
}

std::unique_ptr<Task> MakeFill(gpu::Ticket ticket, void* destination, std::uint64_t pattern,
                               std::uint32_t pattern_bytes, std::uint64_t bytes) {
  return std::make_unique<FillTask>(ticket, static_cast<std::byte*>(destination), pattern,
                                    pattern_bytes, bytes);
}

}  // namespace amdgpu::host
