// The log of memory events: its format, a writer and a reader.
//
// A file is a LogHeader and then LogRecords, in the byte order of the machine (the magic number
// tells a foreign one apart).

#ifndef AMDGPU_C_SRC_MEMORY_EVENT_LOG_H_
#define AMDGPU_C_SRC_MEMORY_EVENT_LOG_H_

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "c_src/memory/types.h"

namespace amdgpu {

inline constexpr std::uint64_t kLogMagic = 0x31474f4c4d454d41;  // "AMEMLOG1"
inline constexpr std::uint32_t kLogVersion = 1;

struct LogHeader {
  std::uint64_t magic = kLogMagic;
  std::uint32_t version = kLogVersion;
  std::uint32_t record_bytes = 0;
  std::uint64_t granule_bytes = kGranuleBytes;
};
static_assert(sizeof(LogHeader) == 24);

enum class LogKind : std::uint8_t {
  kRegionAdded = 1,    // offset, bytes, stream = arena
  kRegionRemoved = 2,  // offset
  kLive = 3,           // a block that was live when the log began; as kAllocate
  kAllocate = 4,       // block, bytes = requested, offset, stream, value = owner, idle
  kRefused = 5,        // as kAllocate, but failed; offset = bytes needed, 0 if a limit refused
  kFence = 6,          // block, stream, value = ticket: precedes its kFree
  kFree = 7,           // block
  kCompleted = 8,      // stream, value = ticket: the stream had come this far
  kTrimmed = 9,        // caches were emptied to look for free regions
  kReassigned = 10,    // block, value = the new owner
};

struct LogRecord {
  std::uint64_t time_ns = 0;  // NowNs()
  std::uint64_t block = 0;    // BlockHandle::value
  std::uint64_t bytes = 0;
  std::uint64_t offset = 0;
  std::uint64_t value = 0;
  std::uint32_t stream = 0;
  LogKind kind = LogKind::kAllocate;
  std::uint8_t idle = 0;
  std::uint16_t reserved = 0;
};
static_assert(sizeof(LogRecord) == 48);

// Writes one file. Not thread-safe.
class LogWriter {
 public:
  static absl::StatusOr<std::unique_ptr<LogWriter>> Create(const std::string& path);
  ~LogWriter();
  LogWriter(const LogWriter&) = delete;
  LogWriter& operator=(const LogWriter&) = delete;

  void Append(const LogRecord& record);
  // Flushes and closes; the first error of any write. Append must not follow.
  absl::Status Close();

 private:
  explicit LogWriter(std::FILE* file) : file_(file) {}

  std::FILE* file_;
  absl::Status status_;
};

// A whole file. kInvalidArgument with the reason if it is not a log, of another version, or holds a
// record of an unknown kind; a last record that was cut off is left out.
absl::StatusOr<std::vector<LogRecord>> ReadLog(const std::string& path);

}  // namespace amdgpu

#endif  // AMDGPU_C_SRC_MEMORY_EVENT_LOG_H_
