#include "telemetry/recorder/recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "c_src/base/clock.h"
#include "c_src/base/error.h"
#include "c_src/base/futex.h"
#include "telemetry/recorder/recording.h"

namespace amdgpu::telemetry {
namespace {

constexpr int kZstdLevel = 3;
// The limits are kept by removing one of about so many segments.
constexpr std::uint64_t kSegments = 8;
constexpr std::uint64_t kMostSegmentBytes = std::uint64_t{32} << 20;
constexpr std::size_t kBlockBytes = std::size_t{256} << 10;  // before packing

absl::Status WriteAll(int fd, absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return ErrnoError(errno, "writing the recording");
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return absl::OkStatus();
}

// A signal is for the program's own threads; and writing beyond a limit is to be an error here, not
// the end of the process (SIGXFSZ).
void BlockSignals() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Recorder>> Recorder::Start(const RecorderOptions& options) {
  if (options.max_bytes < kLeastBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("a recording's limit is at least ", kLeastBytes, " bytes"));
  }
  std::error_code error;
  std::filesystem::create_directories(options.directory, error);
  UniqueFd directory(open(options.directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.valid()) return ErrnoError(error ? error.value() : errno, options.directory);
  if (flock(directory.get(), LOCK_EX | LOCK_NB) != 0) {
    return absl::FailedPreconditionError(
        absl::StrCat(options.directory, ": somebody else is recording there"));
  }
  auto recorder = absl::WrapUnique(new Recorder(options, std::move(directory)));
  if (absl::Status status = recorder->TakeStock(); !status.ok()) return status;
  // Now, so that a directory that cannot be written is known at once.
  if (absl::Status status = recorder->StartSegment(); !status.ok()) return status;
  recorder->Publish(absl::OkStatus());
  recorder->thread_ = std::thread([self = recorder.get()] { self->Run(); });
  return recorder;
}

Recorder::Recorder(const RecorderOptions& options, UniqueFd directory)
    : options_(options),
      segment_bytes_(std::min(options.max_bytes / kSegments, kMostSegmentBytes)),
      directory_(std::move(directory)) {}

Recorder::~Recorder() {
  if (!thread_.joinable()) return;
  stop_.store(true);
  wake_.fetch_add(1, std::memory_order_release);
  FutexWake(wake_, 1);
  thread_.join();
  if (segments_.back().first_unix_ns == 0) unlink(PathOf(segments_.back().number).c_str());
}

std::string Recorder::PathOf(std::uint64_t number) const {
  return absl::StrFormat("%s/%012u.segment", options_.directory, number);
}

absl::Status Recorder::TakeStock() {
  const absl::StatusOr<std::vector<std::string>> paths = ListSegments(options_.directory);
  if (!paths.ok()) return paths.status();
  for (const std::string& path : *paths) {
    const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    const absl::StatusOr<SegmentIndex> index = IndexSegment(file.get());
    // Not one of ours, or nothing of it can be read: left alone.
    if (!index.ok() || PathOf(index->number) != path) continue;
    Segment segment;
    segment.number = index->number;
    segment.bytes = std::filesystem::file_size(path);
    if (!index->blocks.empty()) {
      segment.first_unix_ns = index->blocks.front().header.first_unix_ns;
      segment.last_unix_ns = index->blocks.back().header.last_unix_ns;
    }
    segments_.push_back(segment);
    next_number_ = segment.number + 1;
  }
  // Numbers are never used twice, those of damaged files included.
  while (std::filesystem::exists(PathOf(next_number_))) ++next_number_;
  return absl::OkStatus();
}

void Recorder::Add(absl::string_view frame) {
  bool full;
  {
    MutexLock lock(&mutex_);
    if (!status_.error.ok() || frame.size() > segment_bytes_ / 2 ||
        waiting_bytes_ + frame.size() > kMostWaitingBytes) {
      ++status_.frames_dropped;
      return;
    }
    waiting_.emplace_back(frame);
    waiting_bytes_ += frame.size();
    full = waiting_bytes_ > kMostWaitingBytes / 4;
  }
  if (!full) return;
  wake_.fetch_add(1, std::memory_order_release);
  FutexWake(wake_, 1);
}

RecorderStatus Recorder::status() const {
  MutexLock lock(&mutex_);
  return status_;
}

void Recorder::Run() {
  BlockSignals();
  bool last = false;
  while (!last) {
    const std::uint32_t woken = wake_.load(std::memory_order_acquire);
    if (!stop_.load()) FutexWait(wake_, woken, NowNs() + kWriteEveryNs);
    last = stop_.load();  // what came before the stop is written
    std::vector<std::string> frames;
    {
      MutexLock lock(&mutex_);
      if (!status_.error.ok()) continue;
      frames.swap(waiting_);
      waiting_bytes_ = 0;
    }
    if (frames.empty()) continue;
    const std::uint64_t before = frames_written_;
    const absl::Status written = Write(frames);
    Publish(written);
    if (written.ok()) continue;
    MutexLock lock(&mutex_);
    status_.frames_dropped += frames.size() - (frames_written_ - before);
  }
}

absl::Status Recorder::Write(const std::vector<std::string>& frames) {
  BlockBuilder builder(kZstdLevel);
  for (const std::string& frame : frames) {
    const std::size_t most = std::min<std::size_t>(kBlockBytes, segment_bytes_ / 2);
    if (!builder.empty() && builder.raw_bytes() + frame.size() > most) {
      if (absl::Status status = WriteBlock(&builder); !status.ok()) return status;
    }
    builder.Add(frame);
  }
  return WriteBlock(&builder);
}

absl::Status Recorder::WriteBlock(BlockBuilder* builder) {
  const std::uint32_t frames = builder->frames();
  const std::int64_t first = builder->first_unix_ns();
  const std::int64_t last = builder->last_unix_ns();
  const std::string block = builder->Finish();
  const std::uint64_t most_age = options_.max_age_ns / kSegments;
  const Segment& open = segments_.back();
  const bool old = most_age != 0 && open.first_unix_ns != 0 &&
                   last - open.first_unix_ns > static_cast<std::int64_t>(most_age);
  if (open.first_unix_ns != 0 && (old || open.bytes + block.size() > segment_bytes_)) {
    if (absl::Status status = StartSegment(); !status.ok()) return status;
  }
  MakeRoom(block.size(), last);
  Segment& segment = segments_.back();
  if (absl::Status status = WriteAll(file_.get(), block); !status.ok()) {
    // Half a block is of no use to anybody; and if this fails, too, a reader knows.
    (void)!ftruncate(file_.get(), static_cast<off_t>(segment.bytes));
    return status;
  }
  segment.bytes += block.size();
  if (segment.first_unix_ns == 0) segment.first_unix_ns = first;
  segment.last_unix_ns = last;
  frames_written_ += frames;
  return absl::OkStatus();
}

absl::Status Recorder::StartSegment() {
  MakeRoom(kSegmentHeaderBytes, 0);
  const std::string path = PathOf(next_number_);
  file_.reset(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600));
  if (!file_.valid()) return ErrnoError(errno, path);
  if (absl::Status status = WriteAll(file_.get(), EncodeSegmentHeader(next_number_));
      !status.ok()) {
    unlink(path.c_str());
    return status;
  }
  segments_.push_back({next_number_++, kSegmentHeaderBytes, 0, 0});
  return absl::OkStatus();
}

void Recorder::MakeRoom(std::uint64_t more, std::int64_t now_unix_ns) {
  std::uint64_t bytes = more;
  for (const Segment& segment : segments_) bytes += segment.bytes;
  const auto most_age = static_cast<std::int64_t>(options_.max_age_ns);
  while (segments_.size() > 1) {
    const Segment& oldest = segments_.front();
    const bool too_old = most_age != 0 && now_unix_ns - oldest.last_unix_ns > most_age;
    if (bytes <= options_.max_bytes && !too_old) break;
    unlink(PathOf(oldest.number).c_str());
    bytes -= oldest.bytes;
    segments_.pop_front();
  }
}

void Recorder::Publish(const absl::Status& error) {
  MutexLock lock(&mutex_);
  status_.directory = options_.directory;
  status_.bytes = 0;
  status_.segments = segments_.size();
  status_.oldest_unix_ns = 0;
  for (const Segment& segment : segments_) {
    status_.bytes += segment.bytes;
    if (segment.first_unix_ns == 0) continue;
    if (status_.oldest_unix_ns == 0) status_.oldest_unix_ns = segment.first_unix_ns;
    status_.newest_unix_ns = segment.last_unix_ns;
  }
  status_.frames_total = frames_written_;
  if (error.ok() || !status_.error.ok()) return;
  status_.error = error;
  status_.frames_dropped += waiting_.size();
  waiting_.clear();
  waiting_bytes_ = 0;
}

}  // namespace amdgpu::telemetry
