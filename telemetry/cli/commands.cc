// Signals, and the commands about recordings.

#include "telemetry/cli/commands.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "c_src/base/clock.h"
#include "c_src/base/error.h"
#include "telemetry/attach.h"
#include "telemetry/export/exporter.h"
#include "telemetry/recorder/recorder.h"
#include "telemetry/recorder/recording.h"
#include "telemetry/recorder/replayer.h"

namespace amdgpu::cli {
namespace {

constexpr std::uint64_t kStopLookNs = 100'000'000;

std::atomic<bool> stop_requested{false};
static_assert(std::atomic<bool>::is_always_lock_free);  // a signal handler sets it

std::int64_t Nanoseconds(double seconds) { return static_cast<std::int64_t>(seconds * 1e9); }
double Seconds(std::int64_t ns) { return static_cast<double>(ns) * 1e-9; }

void Warn(const std::vector<std::string>& damage) {
  for (const std::string& line : damage) {
    std::fprintf(stderr, "amdgpu: damaged: %s\n", line.c_str());
  }
}

// A file that is removed again unless it was finished; or standard output.
class OutputFile {
 public:
  static absl::StatusOr<std::unique_ptr<OutputFile>> Open(const std::string& path) {
    auto file = std::make_unique<OutputFile>();
    if (path.empty() || path == "-") return file;
    file->file_ = std::fopen(path.c_str(), "wbe");
    if (file->file_ == nullptr) return ErrnoError(errno, path);
    file->path_ = path;
    return file;
  }
  ~OutputFile() {
    if (file_ == stdout || file_ == nullptr) return;
    // A device or a pipe is not ours to remove.
    struct stat info;
    const bool ours = fstat(fileno(file_), &info) == 0 && S_ISREG(info.st_mode);
    std::fclose(file_);
    if (ours) unlink(path_.c_str());
  }

  absl::Status Write(absl::string_view bytes) {
    if (std::fwrite(bytes.data(), 1, bytes.size(), file_) == bytes.size()) return absl::OkStatus();
    return ErrnoError(errno, Name());
  }
  absl::Status Finish() {
    if (std::fflush(file_) != 0) return ErrnoError(errno, Name());
    if (file_ == stdout) return absl::OkStatus();
    std::FILE* const file = std::exchange(file_, nullptr);
    return std::fclose(file) == 0 ? absl::OkStatus() : ErrnoError(errno, Name());
  }

 private:
  std::string Name() const { return path_.empty() ? "standard output" : path_; }

  std::FILE* file_ = stdout;
  std::string path_;
};

}  // namespace

void WatchSignals() {
  struct sigaction action{};
  action.sa_handler = [](int) { stop_requested.store(true); };
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaction(signal, &action, nullptr);
}

bool StopRequested() { return stop_requested.load(); }

absl::Status RunRecord(const RecordCommand& command) {
  absl::StatusOr<telemetry::Attachment> system = telemetry::AttachTo(command.pid);
  if (!system.ok()) return system.status();
  telemetry::RecorderOptions options;
  options.directory = command.directory;
  options.max_bytes = command.max_bytes;
  options.max_age_ns = static_cast<std::uint64_t>(Nanoseconds(command.max_age_s));
  auto recorder = telemetry::Recorder::Start(options);
  if (!recorder.ok()) return recorder.status();
  std::fprintf(stderr, "recording process %d to %s; Ctrl-C ends it\n", system->frames().pid(),
               command.directory.c_str());
  const std::uint64_t end_ns =
      command.for_s > 0 ? NowNs() + static_cast<std::uint64_t>(Nanoseconds(command.for_s))
                        : ~std::uint64_t{0};
  std::string frame;
  std::uint64_t frames = 0;
  bool alive = true;
  while (alive && !StopRequested() && NowNs() < end_ns && (*recorder)->status().error.ok()) {
    alive = system->alive();
    while (system->frames().Next(&frame) == telemetry::BoardReader::Result::kFrame) {
      (*recorder)->Add(frame);
      ++frames;
    }
    if (alive) system->frames().Wait(NowNs() + kStopLookNs);
  }
  const telemetry::RecorderStatus last = (*recorder)->status();
  recorder->reset();
  std::fprintf(stderr, "%llu frames, %llu missed, %llu dropped\n",
               static_cast<unsigned long long>(frames),
               static_cast<unsigned long long>(system->frames().missed()),
               static_cast<unsigned long long>(last.frames_dropped));
  return last.error;
}

absl::Status RunExport(const ExportCommand& command) {
  absl::StatusOr<telemetry::Recording> recording = telemetry::Recording::Open(command.recording);
  if (!recording.ok()) return recording.status();
  auto file = OutputFile::Open(command.output);
  if (!file.ok()) return file.status();
  auto exporter = telemetry::MakeExporter(
      command.format, [&file](absl::string_view bytes) { return (*file)->Write(bytes); });
  if (!exporter.ok()) return exporter.status();
  const std::int64_t begin = recording->first_unix_ns() + Nanoseconds(command.from_s);
  const std::int64_t length =
      command.for_s > 0 ? Nanoseconds(command.for_s) : recording->last_unix_ns() - begin + 1;
  recording->Seek(begin);
  std::string bytes;
  std::uint64_t unreadable = 0;
  while (recording->Next(&bytes) && !StopRequested()) {
    if (telemetry::FrameUnixNs(bytes) - begin >= length) break;
    proto::Frame frame;
    if (!frame.ParseFromString(bytes)) {
      ++unreadable;
      continue;
    }
    if (absl::Status status = (*exporter)->Add(frame); !status.ok()) return status;
  }
  Warn(recording->damage());
  if (unreadable != 0) {
    std::fprintf(stderr, "amdgpu: %llu frames are none\n",
                 static_cast<unsigned long long>(unreadable));
  }
  if (StopRequested()) return absl::CancelledError("stopped");
  if (absl::Status status = (*exporter)->Finish(); !status.ok()) return status;
  return (*file)->Finish();
}

absl::Status RunReplay(const ReplayCommand& command) {
  telemetry::ReplayOptions options;
  options.path = command.recording;
  options.speed = command.speed;
  options.loop = command.loop;
  options.from_ns = Nanoseconds(command.from_s);
  auto replayer = telemetry::Replayer::Start(options, nullptr);
  if (!replayer.ok()) return replayer.status();
  const telemetry::ReplayStatus begun = (*replayer)->status();
  std::fprintf(stderr, "replaying %llu frames, %.1f s, as process %d; Ctrl-C ends it\n",
               static_cast<unsigned long long>(begun.frames), Seconds(begun.length_ns), getpid());
  while (!StopRequested() && !(*replayer)->WaitForEnd(NowNs() + kStopLookNs)) {
  }
  Warn((*replayer)->status().damage);
  return absl::OkStatus();
}

}  // namespace amdgpu::cli
