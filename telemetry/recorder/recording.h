// A recording, read: its frames in order, from any time on. What is damaged is left out and said.
//
//   absl::StatusOr<telemetry::Recording> recording = telemetry::Recording::Open("/var/log/gpu");
//   recording->Seek(recording->first_unix_ns() + 60'000'000'000);
//   std::string frame;  // an encoded proto::Frame
//   while (recording->Next(&frame)) { ... }
//
// It may be read while it is being written: Open sees what is there then.

#ifndef AMDGPU_TELEMETRY_RECORDER_RECORDING_H_
#define AMDGPU_TELEMETRY_RECORDER_RECORDING_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "c_src/base/unique_fd.h"
#include "telemetry/recorder/segment.h"

namespace amdgpu::telemetry {

// The valid prefix of a segment file.
struct SegmentIndex {
  struct Block {
    std::uint64_t offset = 0;  // of its payload
    BlockHeader header;
  };
  std::uint64_t number = 0;
  std::uint64_t bytes = 0;  // of the prefix
  std::vector<Block> blocks;
  std::string damage;  // what is behind the prefix; empty = nothing
};
// Reads the headers alone. kDataLoss if the file is no segment.
absl::StatusOr<SegmentIndex> IndexSegment(int fd);

// The paths of a recording's segments, oldest first: of a directory, or `path` itself if it is a
// file. kNotFound if there is nothing.
absl::StatusOr<std::vector<std::string>> ListSegments(const std::string& path);

// Movable; one thread at a time.
class Recording {
 public:
  // `path`: the recording's directory, or one segment of it. kNotFound if there is none,
  // kDataLoss if nothing of it can be read.
  static absl::StatusOr<Recording> Open(const std::string& path);

  // False at the end.
  bool Next(std::string* frame);
  // The next frame is the first that was made at this time (wall clock) or later.
  void Seek(std::int64_t unix_ns);

  std::uint64_t frames() const { return frames_; }
  std::uint64_t bytes() const { return bytes_; }  // on disk
  std::int64_t first_unix_ns() const { return blocks_.front().header.first_unix_ns; }
  std::int64_t last_unix_ns() const { return blocks_.back().header.last_unix_ns; }
  // What could not be read, in words, one line for each place. Grows while reading.
  const std::vector<std::string>& damage() const { return damage_; }

 private:
  struct Place {
    std::size_t segment;  // index of paths_
    std::uint64_t offset;
    BlockHeader header;
  };
  // Unpacks the block at next_block_ into ready_; empty if it is damaged.
  void Load();

  std::vector<std::string> paths_;
  std::vector<Place> blocks_;
  std::vector<std::string> damage_;
  std::uint64_t frames_ = 0;
  std::uint64_t bytes_ = 0;

  std::size_t next_block_ = 0;
  std::vector<std::string> ready_;
  std::size_t next_ready_ = 0;
  std::size_t open_segment_ = 0;
  UniqueFd file_;
};

}  // namespace amdgpu::telemetry

#endif  // AMDGPU_TELEMETRY_RECORDER_RECORDING_H_
