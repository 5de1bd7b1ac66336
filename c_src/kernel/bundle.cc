#include "c_src/kernel/bundle.h"

#include <cstring>
#include <memory>
#include <set>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "c_src/kernel/sha256.h"

namespace amdgpu {
namespace {

constexpr char kMagic[8] = {'A', 'M', 'D', 'G', 'P', 'U', 'B', 'N'};
constexpr std::uint32_t kFormat = 1;

struct Header {
  char magic[8];
  std::uint32_t format;
  std::uint32_t header_bytes;
  std::uint64_t payload_bytes;
  Sha256Digest digest;
};
static_assert(sizeof(Header) == 8 + 4 + 4 + 8 + 32, "no padding in the file");

absl::Status CheckEntries(const proto::Bundle& bundle) {
  std::set<absl::string_view> targets;
  for (const proto::BundleEntry& entry : bundle.entries()) {
    if (entry.target().empty() || !targets.insert(entry.target()).second) {
      return absl::InvalidArgumentError(
          absl::StrCat("a bundle with two entries for \"", entry.target(), "\""));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> EncodeBundle(const proto::Bundle& bundle) {
  if (absl::Status status = CheckEntries(bundle); !status.ok()) return status;
  Header header = {};
  std::memcpy(header.magic, kMagic, sizeof(kMagic));
  header.format = kFormat;
  header.header_bytes = sizeof(Header);
  header.payload_bytes = bundle.ByteSizeLong();
  if (header.payload_bytes + sizeof(Header) > kMaxBundleBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("a bundle of ", header.payload_bytes, " bytes; at most ", kMaxBundleBytes));
  }
  std::string bytes(sizeof(Header), '\0');
  bundle.AppendToString(&bytes);
  header.digest = FileDigest(header, absl::string_view(bytes).substr(sizeof(Header)));
  std::memcpy(bytes.data(), &header, sizeof(Header));
  return bytes;
}

absl::StatusOr<proto::Bundle> DecodeBundle(absl::string_view bytes) {
  Header header;
  if (bytes.size() < sizeof(kMagic) || std::memcmp(bytes.data(), kMagic, sizeof(kMagic)) != 0) {
    return absl::InvalidArgumentError("not a bundle of kernels");
  }
  if (bytes.size() < sizeof(Header)) return absl::DataLossError("the bundle is truncated");
  std::memcpy(&header, bytes.data(), sizeof(Header));
  if (header.format > kFormat) {
    return absl::FailedPreconditionError(absl::StrCat("the bundle is of format ", header.format,
                                                      "; this runtime reads up to ", kFormat));
  }
  const absl::string_view payload = bytes.substr(sizeof(Header));
  if (header.format == 0 || header.header_bytes != sizeof(Header) ||
      header.payload_bytes != payload.size() || bytes.size() > kMaxBundleBytes) {
    return absl::DataLossError("the bundle is truncated or padded");
  }
  if (header.digest != FileDigest(header, payload)) {
    return absl::DataLossError("the bundle is corrupt: its checksum does not match");
  }
  proto::Bundle bundle;
  if (!bundle.ParseFromArray(payload.data(), static_cast<int>(payload.size())) ||
      !CheckEntries(bundle).ok()) {
    return absl::DataLossError("the bundle is corrupt");
  }
  return bundle;
}

CodeObjectRef CodeOfEntry(const proto::BundleEntry& entry) {
  auto code = std::make_shared<CodeObject>();
  Sha256 hash;
  hash.Update("bundle entry");
  hash.Update(entry.code_object());
  code->key = ToHex(hash.Finish());
  code->bytes = entry.code_object();
  return code;
}

}  // namespace amdgpu
