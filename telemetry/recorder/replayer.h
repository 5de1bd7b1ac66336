// A recording as if it were live: its frames, byte for byte, at the pace at which they were made.
// Any process of this user may attach to it like to a running system (attach.h).

#ifndef AMDGPU_TELEMETRY_RECORDER_REPLAYER_H_
#define AMDGPU_TELEMETRY_RECORDER_REPLAYER_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "c_src/base/mutex.h"
#include "telemetry/attach_server.h"
#include "telemetry/board.h"
#include "telemetry/recorder/recording.h"

namespace amdgpu::telemetry {

struct ReplayOptions {
  std::string path;   // as for Recording::Open
  double speed = 1;   // more than 0; 2 = twice as fast
  bool loop = false;  // from the start again, for ever
  std::int64_t from_ns =
      0;                // where to start, from the recording's beginning on; there again in a loop
  bool publish = true;  // on a frame board that other processes may attach to
};

struct ReplayStatus {
  bool ended = false;               // the last frame has been given
  std::uint64_t frames_total = 0;   // given so far
  std::uint64_t frames = 0;         // in the recording
  std::int64_t position_ns = 0;     // of the last frame given, from the recording's beginning on
  std::int64_t length_ns = 0;       // of the recording
  std::vector<std::string> damage;  // as of Recording::damage
};

// Thread-safe.
class Replayer {
 public:
  // While nothing was recorded for longer than this (two runs, one recording) it does not wait for
  // longer either.
  static constexpr std::uint64_t kLongestPauseNs = 2'000'000'000;

  // `sink` gets every frame on the replayer's thread and may be empty.
  using Sink = std::function<void(absl::string_view frame)>;
  static absl::StatusOr<std::unique_ptr<Replayer>> Start(const ReplayOptions& options, Sink sink);
  // Ends in the middle.
  ~Replayer();
  Replayer(const Replayer&) = delete;
  Replayer& operator=(const Replayer&) = delete;

  ReplayStatus status() const;
  // Sleeps until the last frame has been given (true) or the deadline (NowNs() clock) has passed.
  bool WaitForEnd(std::uint64_t deadline_ns);

 private:
  Replayer(const ReplayOptions& options, Sink sink, Recording recording);
  void Run();
  // Sleeps until then; false: stop.
  bool SleepUntil(std::uint64_t time_ns);

  const ReplayOptions options_;
  const Sink sink_;
  Recording recording_;  // the thread's
  const std::int64_t first_unix_ns_;
  std::optional<BoardWriter> board_;
  std::unique_ptr<AttachServer> server_;
  std::atomic<std::uint32_t> stop_{0};
  std::atomic<std::uint32_t> ended_{0};
  mutable Mutex mutex_;
  ReplayStatus status_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace amdgpu::telemetry

#endif  // AMDGPU_TELEMETRY_RECORDER_REPLAYER_H_
