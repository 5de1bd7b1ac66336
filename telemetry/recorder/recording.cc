#include "telemetry/recorder/recording.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "c_src/base/error.h"

namespace amdgpu::telemetry {
namespace {

constexpr char kSuffix[] = ".segment";

// Up to `bytes` at `offset`; fewer at the file's end, none if it cannot be read.
std::string ReadAt(int fd, std::uint64_t offset, std::size_t bytes) {
  std::string out(bytes, '\0');
  std::size_t have = 0;
  while (have < bytes) {
    const ssize_t got =
        pread(fd, out.data() + have, bytes - have, static_cast<off_t>(offset + have));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    have += static_cast<std::size_t>(got);
  }
  out.resize(have);
  return out;
}

UniqueFd OpenForReading(const std::string& path) {
  return UniqueFd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
}

}  // namespace

absl::StatusOr<SegmentIndex> IndexSegment(int fd) {
  struct stat info;
  if (fstat(fd, &info) != 0) return ErrnoError(errno, "a segment");
  if (!S_ISREG(info.st_mode)) return absl::DataLossError("not a file");
  const auto size = static_cast<std::uint64_t>(info.st_size);
  const absl::StatusOr<std::uint64_t> number =
      DecodeSegmentHeader(ReadAt(fd, 0, kSegmentHeaderBytes));
  if (!number.ok()) return number.status();
  SegmentIndex index;
  index.number = *number;
  index.bytes = kSegmentHeaderBytes;
  while (index.bytes < size) {
    const absl::StatusOr<BlockHeader> header =
        DecodeBlockHeader(ReadAt(fd, index.bytes, kBlockHeaderBytes));
    const std::uint64_t payload = index.bytes + kBlockHeaderBytes;
    if (!header.ok() || header->stored_bytes > size - std::min(size, payload)) {
      index.damage =
          absl::StrCat(header.ok() ? "a block is cut off" : std::string(header.status().message()),
                       " at byte ", index.bytes, ": ", size - index.bytes, " bytes are left out");
      break;
    }
    index.blocks.push_back({payload, *header});
    index.bytes = payload + header->stored_bytes;
  }
  return index;
}

absl::StatusOr<std::vector<std::string>> ListSegments(const std::string& path) {
  std::error_code error;
  const std::filesystem::file_status status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status)) {
    return absl::NotFoundError(absl::StrCat(path, ": no such file or directory"));
  }
  if (!std::filesystem::is_directory(status)) return std::vector<std::string>{path};
  std::vector<std::string> paths;
  for (std::filesystem::directory_iterator entry(path, error), end; !error && entry != end;
       entry.increment(error)) {
    if (absl::EndsWith(entry->path().filename().string(), kSuffix)) paths.push_back(entry->path());
  }
  if (error) return ErrnoError(error.value(), path);
  // Names are numbers of the same length.
  std::sort(paths.begin(), paths.end());
  return paths;
}

absl::StatusOr<Recording> Recording::Open(const std::string& path) {
  absl::StatusOr<std::vector<std::string>> paths = ListSegments(path);
  if (!paths.ok()) return paths.status();
  Recording recording;
  for (const std::string& segment : *paths) {
    const UniqueFd file = OpenForReading(segment);
    if (!file.valid()) {
      recording.damage_.emplace_back(ErrnoError(errno, segment).message());
      continue;
    }
    const absl::StatusOr<SegmentIndex> index = IndexSegment(file.get());
    if (!index.ok()) {
      recording.damage_.push_back(
          absl::StrCat(segment, ": ", std::string(index.status().message())));
      continue;
    }
    if (!index->damage.empty()) {
      recording.damage_.push_back(absl::StrCat(segment, ": ", index->damage));
    }
    recording.bytes_ += index->bytes;
    for (const SegmentIndex::Block& block : index->blocks) {
      recording.blocks_.push_back({recording.paths_.size(), block.offset, block.header});
      recording.frames_ += block.header.frames;
    }
    recording.paths_.push_back(segment);
  }
  if (recording.blocks_.empty()) {
    if (recording.damage_.empty()) return absl::NotFoundError(absl::StrCat(path, ": no recording"));
    return absl::DataLossError(recording.damage_.front());
  }
  recording.open_segment_ = recording.paths_.size();  // none
  return recording;
}

void Recording::Load() {
  const Place& place = blocks_[next_block_++];
  ready_.clear();
  next_ready_ = 0;
  if (open_segment_ != place.segment) {
    file_ = OpenForReading(paths_[place.segment]);
    open_segment_ = place.segment;
  }
  absl::StatusOr<std::vector<std::string>> frames = DecodeBlock(
      place.header,
      file_.valid() ? ReadAt(file_.get(), place.offset, place.header.stored_bytes) : std::string());
  if (frames.ok()) {
    ready_ = *std::move(frames);
  } else {
    damage_.push_back(absl::StrCat(
        paths_[place.segment], ": ",
        file_.valid() ? std::string(frames.status().message()) : std::string("the segment is gone"),
        " at byte ", place.offset, ": ", place.header.frames, " frames are left out"));
  }
}

bool Recording::Next(std::string* frame) {
  while (next_ready_ == ready_.size()) {
    if (next_block_ == blocks_.size()) return false;
    Load();
  }
  *frame = std::move(ready_[next_ready_++]);
  return true;
}

void Recording::Seek(std::int64_t unix_ns) {
  // Not a binary search: a wall clock that was set back leaves the times unsorted.
  const auto block = std::find_if(blocks_.begin(), blocks_.end(), [unix_ns](const Place& place) {
    return place.header.last_unix_ns >= unix_ns;
  });
  next_block_ = static_cast<std::size_t>(block - blocks_.begin());
  ready_.clear();
  next_ready_ = 0;
  if (block == blocks_.end()) return;
  Load();
  while (next_ready_ < ready_.size() && FrameUnixNs(ready_[next_ready_]) < unix_ns) ++next_ready_;
}

}  // namespace amdgpu::telemetry
