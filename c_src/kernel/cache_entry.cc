#include "c_src/kernel/cache_entry.h"

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "absl/status/status.h"
#include "c_src/base/build_id.h"
#include "c_src/kernel/sha256.h"

namespace amdgpu {
namespace {

constexpr char kMagic[8] = {'A', 'M', 'D', 'G', 'P', 'U', 'C', 'O'};
constexpr std::uint32_t kFormatVersion = 1;

struct Header {
  char magic[8];
  std::uint32_t version;
  std::uint32_t header_bytes;
  char build_id[32];
  char key[64];
  char compiler[64];  // zero-padded
  std::uint64_t payload_bytes;
  Sha256Digest digest;
};
static_assert(sizeof(Header) == 8 + 4 + 4 + 32 + 64 + 64 + 8 + 32, "no padding in the file");

template <std::size_t kSize>
void CopyPadded(absl::string_view text, char (&field)[kSize]) {
  std::memset(field, 0, kSize);
  std::memcpy(field, text.data(), std::min(text.size(), kSize));
}

template <std::size_t kSize>
absl::string_view Padded(const char (&field)[kSize]) {
  return absl::string_view(field, strnlen(field, kSize));
}

}  // namespace

std::string EncodeCacheEntry(const CacheEntry& entry) {
  Header header = {};
  std::memcpy(header.magic, kMagic, sizeof(kMagic));
  header.version = kFormatVersion;
  header.header_bytes = sizeof(Header);
  CopyPadded(absl::string_view(BuildId().data(), BuildId().size()), header.build_id);
  CopyPadded(entry.key, header.key);
  CopyPadded(entry.compiler, header.compiler);
  header.payload_bytes = entry.reply.ByteSizeLong();
  std::string bytes(sizeof(Header), '\0');
  entry.reply.AppendToString(&bytes);
  header.digest = FileDigest(header, absl::string_view(bytes).substr(sizeof(Header)));
  std::memcpy(bytes.data(), &header, sizeof(Header));
  return bytes;
}

absl::StatusOr<CacheEntry> DecodeCacheEntry(absl::string_view bytes, absl::string_view key) {
  Header header;
  if (bytes.size() < sizeof(Header)) return absl::DataLossError("truncated");
  std::memcpy(&header, bytes.data(), sizeof(Header));
  const absl::string_view payload = bytes.substr(sizeof(Header));
  if (std::memcmp(header.magic, kMagic, sizeof(kMagic)) != 0) {
    return absl::DataLossError("not a cache entry");
  }
  if (header.version != kFormatVersion) return absl::FailedPreconditionError("another format");
  if (header.header_bytes != sizeof(Header) || header.payload_bytes != payload.size()) {
    return absl::DataLossError("truncated or padded");
  }
  if (header.digest != FileDigest(header, payload)) return absl::DataLossError("corrupt");
  if (Padded(header.build_id) != absl::string_view(BuildId().data(), BuildId().size())) {
    return absl::FailedPreconditionError("of another build");
  }
  if (Padded(header.key) != key) return absl::FailedPreconditionError("of another request");
  CacheEntry entry;
  entry.key = std::string(key);
  entry.compiler = std::string(Padded(header.compiler));
  if (!entry.reply.ParseFromArray(payload.data(), static_cast<int>(payload.size())) ||
      entry.reply.outcome() != proto::CompileReply::OK) {
    return absl::DataLossError("not a compiled reply");
  }
  return entry;
}

}  // namespace amdgpu
