#include "telemetry/recorder/segment.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>
#include <zstd.h>

#include <bit>
#include <boost/crc.hpp>
#include <cstring>
#include <utility>

#include "proto/telemetry.pb.h"

namespace amdgpu::telemetry {
namespace {

static_assert(std::endian::native == std::endian::little);

constexpr absl::string_view kSegmentMagic = "AMDGPUR1";
constexpr std::uint32_t kBlockMagic = 0x314b4c42;  // "BLK1"

std::uint32_t Crc32c(absl::string_view bytes) {
  boost::crc_optimal<32, 0x1EDC6F41, 0xFFFFFFFF, 0xFFFFFFFF, true, true> crc;
  crc.process_bytes(bytes.data(), bytes.size());
  return crc.checksum();
}

template <typename T>
void Put(T value, std::string* out) {
  out->append(reinterpret_cast<const char*>(&value), sizeof(value));
}

template <typename T>
T Take(absl::string_view* bytes) {
  T value;
  std::memcpy(&value, bytes->data(), sizeof(value));
  bytes->remove_prefix(sizeof(value));
  return value;
}

// Both headers end with the checksum of what is before it.
bool ChecksumFits(absl::string_view header) {
  absl::string_view rest = header.substr(header.size() - sizeof(std::uint32_t));
  return Take<std::uint32_t>(&rest) ==
         Crc32c(header.substr(0, header.size() - sizeof(std::uint32_t)));
}

}  // namespace

std::string EncodeSegmentHeader(std::uint64_t number) {
  std::string out(kSegmentMagic);
  Put(number, &out);
  Put(std::uint32_t{0}, &out);
  Put(Crc32c(out), &out);
  return out;
}

absl::StatusOr<std::uint64_t> DecodeSegmentHeader(absl::string_view bytes) {
  if (bytes.size() < kSegmentHeaderBytes ||
      bytes.substr(0, kSegmentMagic.size()) != kSegmentMagic ||
      !ChecksumFits(bytes.substr(0, kSegmentHeaderBytes))) {
    return absl::DataLossError("not a segment of a recording");
  }
  bytes.remove_prefix(kSegmentMagic.size());
  return Take<std::uint64_t>(&bytes);
}

absl::StatusOr<BlockHeader> DecodeBlockHeader(absl::string_view bytes) {
  if (bytes.size() < kBlockHeaderBytes) return absl::DataLossError("a block's header is cut off");
  const bool fits = ChecksumFits(bytes.substr(0, kBlockHeaderBytes));
  const auto magic = Take<std::uint32_t>(&bytes);
  if (magic != kBlockMagic || !fits) return absl::DataLossError("not a block");
  BlockHeader header;
  header.stored_bytes = Take<std::uint32_t>(&bytes);
  header.raw_bytes = Take<std::uint32_t>(&bytes);
  header.frames = Take<std::uint32_t>(&bytes);
  header.first_unix_ns = Take<std::int64_t>(&bytes);
  header.last_unix_ns = Take<std::int64_t>(&bytes);
  header.payload_checksum = Take<std::uint32_t>(&bytes);
  if (header.raw_bytes > kMaxRawBlockBytes || header.frames == 0 ||
      header.stored_bytes > ZSTD_compressBound(header.raw_bytes) ||
      header.raw_bytes / sizeof(std::uint32_t) < header.frames) {
    return absl::DataLossError("a block's header makes no sense");
  }
  return header;
}

absl::StatusOr<std::vector<std::string>> DecodeBlock(const BlockHeader& header,
                                                     absl::string_view payload) {
  if (payload.size() != header.stored_bytes || Crc32c(payload) != header.payload_checksum) {
    return absl::DataLossError("a block's checksum is wrong");
  }
  std::string raw(header.raw_bytes, '\0');
  const std::size_t unpacked =
      ZSTD_decompress(raw.data(), raw.size(), payload.data(), payload.size());
  if (ZSTD_isError(unpacked) || unpacked != raw.size()) {
    return absl::DataLossError("a block does not unpack");
  }
  std::vector<std::string> frames;
  frames.reserve(header.frames);
  absl::string_view rest = raw;
  while (rest.size() >= sizeof(std::uint32_t) && frames.size() < header.frames) {
    const auto bytes = Take<std::uint32_t>(&rest);
    if (bytes > rest.size()) break;
    frames.emplace_back(rest.substr(0, bytes));
    rest.remove_prefix(bytes);
  }
  if (frames.size() != header.frames || !rest.empty()) {
    return absl::DataLossError("a block's frames do not fill it");
  }
  return frames;
}

void BlockBuilder::Add(absl::string_view frame) {
  const std::int64_t unix_ns = FrameUnixNs(frame);
  if (header_.frames++ == 0) header_.first_unix_ns = unix_ns;
  header_.last_unix_ns = unix_ns;
  Put(static_cast<std::uint32_t>(frame.size()), &raw_);
  raw_.append(frame.data(), frame.size());
}

std::string BlockBuilder::Finish() {
  std::string payload(ZSTD_compressBound(raw_.size()), '\0');
  const std::size_t stored =
      ZSTD_compress(payload.data(), payload.size(), raw_.data(), raw_.size(), level_);
  payload.resize(stored);  // cannot fail: the room is enough
  std::string out;
  out.reserve(kBlockHeaderBytes + payload.size());
  Put(kBlockMagic, &out);
  Put(static_cast<std::uint32_t>(payload.size()), &out);
  Put(static_cast<std::uint32_t>(raw_.size()), &out);
  Put(header_.frames, &out);
  Put(header_.first_unix_ns, &out);
  Put(header_.last_unix_ns, &out);
  Put(Crc32c(payload), &out);
  Put(Crc32c(out), &out);
  out += payload;
  raw_.clear();
  header_ = {};
  return out;
}

std::int64_t FrameUnixNs(absl::string_view frame) {
  namespace pb = google::protobuf;
  using Wire = pb::internal::WireFormatLite;
  pb::io::CodedInputStream in(reinterpret_cast<const std::uint8_t*>(frame.data()),
                              static_cast<int>(frame.size()));
  while (const std::uint32_t tag = in.ReadTag()) {
    // Fields are written in the order of their numbers.
    const int number = Wire::GetTagFieldNumber(tag);
    std::uint64_t value;
    if (number == proto::Frame::kUnixNsFieldNumber &&
        Wire::GetTagWireType(tag) == Wire::WIRETYPE_VARINT) {
      return in.ReadVarint64(&value) ? static_cast<std::int64_t>(value) : 0;
    }
    if (number > proto::Frame::kUnixNsFieldNumber || !Wire::SkipField(&in, tag)) break;
  }
  return 0;
}

}  // namespace amdgpu::telemetry
