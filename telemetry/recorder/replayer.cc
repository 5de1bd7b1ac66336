#include "telemetry/recorder/replayer.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/memory/memory.h"
#include "c_src/base/clock.h"
#include "c_src/base/futex.h"

namespace amdgpu::telemetry {

// NOLINTNEXTLINE(performance-unnecessary-value-param): it is moved from.
absl::StatusOr<std::unique_ptr<Replayer>> Replayer::Start(const ReplayOptions& options, Sink sink) {
  if (!(options.speed > 0)) return absl::InvalidArgumentError("speed: expected more than 0");
  absl::StatusOr<Recording> recording = Recording::Open(options.path);
  if (!recording.ok()) return recording.status();
  auto replayer = absl::WrapUnique(new Replayer(options, std::move(sink), *std::move(recording)));
  if (options.publish) {
    absl::StatusOr<BoardWriter> board = BoardWriter::Create();
    if (!board.ok()) return board.status();
    replayer->board_.emplace(*std::move(board));
    absl::StatusOr<std::unique_ptr<AttachServer>> server =
        AttachServer::Start(replayer->board_->read_only_fd());
    if (!server.ok()) return server.status();
    replayer->server_ = *std::move(server);
  }
  replayer->thread_ = std::thread([self = replayer.get()] { self->Run(); });
  return replayer;
}

Replayer::Replayer(const ReplayOptions& options, Sink sink, Recording recording)
    : options_(options),
      sink_(std::move(sink)),
      recording_(std::move(recording)),
      first_unix_ns_(recording_.first_unix_ns()) {
  MutexLock lock(&mutex_);
  status_.frames = recording_.frames();
  status_.length_ns = recording_.last_unix_ns() - first_unix_ns_;
  status_.damage = recording_.damage();
}

Replayer::~Replayer() {
  server_.reset();
  if (!thread_.joinable()) return;
  stop_.store(1, std::memory_order_release);
  FutexWake(stop_);
  thread_.join();
}

ReplayStatus Replayer::status() const {
  MutexLock lock(&mutex_);
  return status_;
}

bool Replayer::WaitForEnd(std::uint64_t deadline_ns) {
  while (ended_.load(std::memory_order_acquire) == 0) {
    if (!FutexWait(ended_, 0, deadline_ns)) return ended_.load(std::memory_order_acquire) != 0;
  }
  return true;
}

bool Replayer::SleepUntil(std::uint64_t time_ns) {
  while (stop_.load(std::memory_order_acquire) == 0) {
    if (NowNs() >= time_ns) return true;
    FutexWait(stop_, 0, time_ns);
  }
  return false;
}

void Replayer::Run() {
  std::string frame;
  std::uint64_t due = NowNs();
  do {
    recording_.Seek(first_unix_ns_ + options_.from_ns);
    std::int64_t before = 0;
    bool any = false;
    while (recording_.Next(&frame)) {
      const std::int64_t made = FrameUnixNs(frame);
      // Clocks are set, and recordings go on after a pause.
      const std::int64_t since = any ? std::max<std::int64_t>(made - before, 0) : 0;
      due += static_cast<std::uint64_t>(
          static_cast<double>(std::min<std::uint64_t>(since, kLongestPauseNs)) / options_.speed);
      before = made;
      any = true;
      if (!SleepUntil(due)) return;
      if (board_.has_value()) board_->Publish(frame);
      if (sink_) sink_(frame);
      MutexLock lock(&mutex_);
      ++status_.frames_total;
      status_.position_ns = made - first_unix_ns_;
    }
    {
      MutexLock lock(&mutex_);
      status_.damage = recording_.damage();
    }
    // A loop over nothing (`from` is behind the end) is not to be a busy one.
    if (!any) break;
    due += static_cast<std::uint64_t>(1e9 / 60 / options_.speed);
  } while (options_.loop);
  {
    MutexLock lock(&mutex_);
    status_.ended = true;
  }
  ended_.store(1, std::memory_order_release);
  FutexWake(ended_, std::numeric_limits<int>::max());
}

}  // namespace amdgpu::telemetry
