#include "telemetry/gateway/recording.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "c_src/base/clock.h"
#include "c_src/base/error.h"
#include "telemetry/recorder/recording.h"

namespace amdgpu::gateway {
namespace {

constexpr std::uint64_t kLookEveryNs = 500'000'000;
constexpr std::size_t kTarBlock = 512;

std::size_t Padding(std::uint64_t bytes) {
  return static_cast<std::size_t>((kTarBlock - bytes % kTarBlock) % kTarBlock);
}

// Of a regular file, as POSIX.1-1988 (ustar) has it.
std::string TarHead(absl::string_view name, const struct stat& file) {
  std::string head(kTarBlock, '\0');
  const auto put = [&](std::size_t at, absl::string_view text) {
    head.replace(at, text.size(), text.data(), text.size());
  };
  put(0, name);
  put(100, "0000644");
  put(108, "0000000");
  put(116, "0000000");
  put(124, absl::StrFormat("%011o", file.st_size));
  put(136, absl::StrFormat("%011o", file.st_mtime));
  put(148, "        ");
  put(156, "0");
  put(257, absl::string_view("ustar\00000", 8));
  unsigned sum = 0;
  for (const char c : head) sum += static_cast<unsigned char>(c);
  put(148, absl::StrFormat("%06o", sum));
  head[154] = '\0';
  return head;
}

std::uint64_t BytesIn(const std::string& directory) {
  std::uint64_t bytes = 0;
  for (const std::string& path :
       telemetry::ListSegments(directory).value_or(std::vector<std::string>())) {
    std::error_code error;
    const std::uintmax_t size = std::filesystem::file_size(path, error);
    if (!error) bytes += size;
  }
  return bytes;
}

}  // namespace

RecordingControl::RecordingControl(telemetry::RecorderOptions options)
    : options_(std::move(options)), kept_bytes_(BytesIn(options_.directory)) {}

absl::StatusOr<RecordingControl> RecordingControl::Open(std::string directory,
                                                        std::uint64_t max_bytes) {
  if (max_bytes < telemetry::Recorder::kLeastBytes) {
    return absl::InvalidArgumentError(absl::StrCat("a recording's limit is at least ",
                                                   telemetry::Recorder::kLeastBytes, " bytes"));
  }
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (access(directory.c_str(), W_OK | X_OK) != 0) {
    return ErrnoError(error ? error.value() : errno, absl::StrCat("recording in ", directory));
  }
  return RecordingControl({.directory = std::move(directory), .max_bytes = max_bytes});
}

absl::Status RecordingControl::Set(bool active) {
  if (active == (recorder_ != nullptr)) return absl::OkStatus();
  if (active) {
    const std::uint64_t now = NowNs();
    if (begun_ns_ != 0 && now - begun_ns_ < kLeastBetweenNs) {
      return absl::UnavailableError("a recording has just been begun; wait a second");
    }
    absl::StatusOr<std::unique_ptr<telemetry::Recorder>> recorder =
        telemetry::Recorder::Start(options_);
    if (!recorder.ok()) return recorder.status();
    recorder_ = *std::move(recorder);
    begun_ns_ = now;
  } else {
    End();
  }
  failure_.clear();
  changed_ = true;
  return absl::OkStatus();
}

std::string RecordingControl::State() const {
  const nlohmann::json state = {
      {"active", recorder_ != nullptr},
      {"bytes", recorder_ != nullptr ? recorder_->status().bytes : kept_bytes_},
      {"message", failure_}};
  return state.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

void RecordingControl::Add(absl::string_view frame) {
  if (recorder_ == nullptr) return;
  recorder_->Add(frame);
  const std::uint64_t now = NowNs();
  if (now < next_look_ns_) return;
  next_look_ns_ = now + kLookEveryNs;
  if (const absl::Status error = recorder_->status().error; !error.ok()) {
    End();
    failure_ = std::string(error.message());
    changed_ = true;
  }
}

void RecordingControl::End() {
  recorder_ = nullptr;  // writes what has come
  kept_bytes_ = BytesIn(options_.directory);
}

bool RecordingControl::TakeChanged() { return std::exchange(changed_, false); }

absl::StatusOr<RecordingArchive> RecordingArchive::Open(const std::string& directory) {
  const absl::StatusOr<std::vector<std::string>> paths = telemetry::ListSegments(directory);
  if (!paths.ok()) return paths.status();
  RecordingArchive archive;
  for (const std::string& path : *paths) {
    UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    struct stat about;
    // The oldest goes when a new one is begun.
    if (!file.valid() || fstat(file.get(), &about) != 0) continue;
    const auto bytes = static_cast<std::uint64_t>(about.st_size);
    const std::string name =
        absl::StrCat("recording/", std::filesystem::path(path).filename().string());
    archive.members_.push_back({TarHead(name, about), std::move(file), bytes});
    archive.bytes_ += kTarBlock + bytes + Padding(bytes);
  }
  if (archive.members_.empty()) return absl::NotFoundError("nothing has been recorded");
  archive.bytes_ += 2 * kTarBlock;
  return archive;
}

absl::StatusOr<std::string> RecordingArchive::Next() {
  if (member_ == members_.size()) {
    if (std::exchange(ended_, true)) return std::string();
    return std::string(2 * kTarBlock, '\0');
  }
  Member& member = members_[member_];
  std::string piece = std::move(member.head);
  member.head.clear();
  const std::size_t head = piece.size();
  const std::uint64_t wanted = std::min<std::uint64_t>(member.bytes - read_, kPieceBytes);
  piece.resize(head + static_cast<std::size_t>(wanted));
  for (std::size_t done = head; done < piece.size();) {
    const ssize_t got = read(member.file.get(), piece.data() + done, piece.size() - done);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return absl::DataLossError("a file of the recording has become shorter");
    done += static_cast<std::size_t>(got);
  }
  read_ += wanted;
  if (read_ == member.bytes) {
    piece.append(Padding(member.bytes), '\0');
    member.file.reset();
    read_ = 0;
    ++member_;
  }
  return piece;
}

}  // namespace amdgpu::gateway
