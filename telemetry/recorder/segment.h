// The format of a recording on disk: a directory of numbered segment files, each a header and then
// blocks. Pure functions over bytes; nothing here touches a file.
//
//   segment   "AMDGPUR1", number (u64), reserved (u32), CRC-32C of the bytes before (u32)
//   block     BlockHeader, then a zstd frame of: length (u32), encoded proto::Frame; again; again
//
// All numbers are little-endian. A block is appended with one write: after a kill at any byte what
// is whole of a segment is its valid prefix, and the header's checksum says where that ends. A
// block whose payload does not match its checksum is skipped; its header says where the next one
// is.

#ifndef AMDGPU_TELEMETRY_RECORDER_SEGMENT_H_
#define AMDGPU_TELEMETRY_RECORDER_SEGMENT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace amdgpu::telemetry {

inline constexpr std::size_t kSegmentHeaderBytes = 24;
inline constexpr std::size_t kBlockHeaderBytes = 40;
// What a reader takes; a writer makes far smaller ones.
inline constexpr std::size_t kMaxRawBlockBytes = std::size_t{16} << 20;

struct BlockHeader {
  std::uint32_t stored_bytes = 0;  // of the payload, behind the header
  std::uint32_t raw_bytes = 0;     // when it is unpacked
  std::uint32_t frames = 0;        // at least one
  std::int64_t first_unix_ns = 0;  // Frame.unix_ns of the first and of the last
  std::int64_t last_unix_ns = 0;
  std::uint32_t payload_checksum = 0;  // CRC-32C of the stored bytes
};

std::string EncodeSegmentHeader(std::uint64_t number);
// The segment's number. kDataLoss if this is not the beginning of a segment.
absl::StatusOr<std::uint64_t> DecodeSegmentHeader(absl::string_view bytes);

// kDataLoss if it is none, or one that cannot be right.
absl::StatusOr<BlockHeader> DecodeBlockHeader(absl::string_view bytes);
// The frames of a block. kDataLoss if the payload is not what was written.
absl::StatusOr<std::vector<std::string>> DecodeBlock(const BlockHeader& header,
                                                     absl::string_view payload);

// Collects frames and makes a block of them. Not thread-safe.
class BlockBuilder {
 public:
  explicit BlockBuilder(int zstd_level) : level_(zstd_level) {}

  void Add(absl::string_view frame);
  bool empty() const { return header_.frames == 0; }
  std::size_t raw_bytes() const { return raw_.size(); }
  std::uint32_t frames() const { return header_.frames; }
  std::int64_t first_unix_ns() const { return header_.first_unix_ns; }
  std::int64_t last_unix_ns() const { return header_.last_unix_ns; }

  // Header and payload of what was added, which is forgotten.
  std::string Finish();

 private:
  const int level_;
  BlockHeader header_;
  std::string raw_;
};

// Frame.unix_ns of an encoded frame, without decoding the rest; 0 if there is none.
std::int64_t FrameUnixNs(absl::string_view frame);

}  // namespace amdgpu::telemetry

#endif  // AMDGPU_TELEMETRY_RECORDER_SEGMENT_H_
