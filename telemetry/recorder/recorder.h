// The flight recorder: the newest frames on disk, within a limit of bytes and of time.
//
// Who makes the frames hands them over in a moment (Add copies them and returns); a thread of the
// recorder packs what has come and appends it to the newest segment twice a second. So a process
// that is killed loses half a second, and one whose disk is slow loses frames, never time. When
// the limit is reached the oldest segment goes.
//
// What is written is in the page cache: it outlives the process, not a power cut within the next
// seconds, of which the checksums tell.

#ifndef AMDGPU_TELEMETRY_RECORDER_RECORDER_H_
#define AMDGPU_TELEMETRY_RECORDER_RECORDER_H_

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "c_src/base/mutex.h"
#include "c_src/base/unique_fd.h"
#include "telemetry/recorder/segment.h"

namespace amdgpu::telemetry {

struct RecorderOptions {
  std::string directory;  // made if need be; of one recorder at a time
  // Of all segments together; at least kLeastBytes.
  std::uint64_t max_bytes = std::uint64_t{256} << 20;
  // How far back, at least; older segments go. 0 = as far as the bytes reach.
  std::uint64_t max_age_ns = 0;
};

struct RecorderStatus {
  std::string directory;
  std::uint64_t bytes = 0;  // on disk now, those of earlier recorders included
  std::uint64_t segments = 0;
  std::uint64_t frames_total = 0;    // written by this recorder
  std::uint64_t frames_dropped = 0;  // that came faster than the disk took them, or were too large
  std::int64_t oldest_unix_ns = 0;   // what is on disk goes from here
  std::int64_t newest_unix_ns = 0;   // to here; both 0 if there is nothing
  absl::Status error;                // why nothing is written any more; OK = it records
};

// Thread-safe.
class Recorder {
 public:
  static constexpr std::uint64_t kLeastBytes = std::uint64_t{4} << 20;
  static constexpr std::uint64_t kMostWaitingBytes = std::uint64_t{32} << 20;
  static constexpr std::uint64_t kWriteEveryNs = 500'000'000;

  // kInvalidArgument: a limit too small. kFailedPrecondition: somebody else records there. What an
  // earlier recorder left in the directory is kept, and counts.
  static absl::StatusOr<std::unique_ptr<Recorder>> Start(const RecorderOptions& options);
  // Writes what has come.
  ~Recorder();
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

  // Never waits for the disk.
  void Add(absl::string_view frame);
  RecorderStatus status() const;

 private:
  struct Segment {
    std::uint64_t number = 0;
    std::uint64_t bytes = 0;
    std::int64_t first_unix_ns = 0;  // 0: it has no frames
    std::int64_t last_unix_ns = 0;
  };

  Recorder(const RecorderOptions& options, UniqueFd directory);
  std::string PathOf(std::uint64_t number) const;
  // What is there already.
  absl::Status TakeStock();
  void Run();
  absl::Status Write(const std::vector<std::string>& frames);
  absl::Status WriteBlock(BlockBuilder* builder);
  absl::Status StartSegment();
  // Removes the oldest segments until `more` bytes fit and none is too old at that time.
  void MakeRoom(std::uint64_t more, std::int64_t now_unix_ns);
  void Publish(const absl::Status& error);

  const RecorderOptions options_;
  const std::uint64_t segment_bytes_;
  const UniqueFd directory_;  // locked

  std::atomic<std::uint32_t> wake_{0};
  std::atomic<bool> stop_{false};

  mutable Mutex mutex_;
  std::vector<std::string> waiting_ ABSL_GUARDED_BY(mutex_);
  std::uint64_t waiting_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  RecorderStatus status_ ABSL_GUARDED_BY(mutex_);

  // The thread's.
  std::deque<Segment> segments_;  // the last one is written to
  std::uint64_t next_number_ = 1;
  std::uint64_t frames_written_ = 0;
  UniqueFd file_;

  std::thread thread_;
};

}  // namespace amdgpu::telemetry

#endif  // AMDGPU_TELEMETRY_RECORDER_RECORDER_H_
