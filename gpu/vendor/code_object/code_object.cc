#include "gpu/vendor/code_object/code_object.h"

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gpu/vendor/code_object/amd_code_object.h"
#include "gpu/vendor/code_object/byte_reader.h"
#include "gpu/vendor/code_object/cubin.h"
#include "gpu/vendor/code_object/elf_file.h"
#include "gpu/vendor/code_object/ptx.h"

namespace amdgpu::code_object {
namespace {

constexpr absl::string_view kBundleMagic = "__CLANG_OFFLOAD_BUNDLE__";
constexpr std::uint64_t kMaxBundleEntries = 4096;

bool IsForHost(absl::string_view id) { return absl::StartsWith(id, "host-"); }

}  // namespace

absl::StatusOr<absl::string_view> Unbundled(absl::string_view image) {
  if (!absl::StartsWith(image, kBundleMagic)) return image;
  const absl::Status bad = absl::InvalidArgumentError("a damaged bundle of code objects");
  std::uint64_t count;
  std::uint64_t place = kBundleMagic.size();
  if (!ReadAt(image, place, &count) || count > kMaxBundleEntries) return bad;
  place += sizeof(count);
  for (std::uint64_t i = 0; i < count; ++i) {
    std::uint64_t entry[3];  // offset, size, length of the id
    absl::string_view id;
    absl::string_view contents;
    if (!ReadAt(image, place, &entry) || !SliceAt(image, place + sizeof(entry), entry[2], &id) ||
        !SliceAt(image, entry[0], entry[1], &contents)) {
      return bad;
    }
    if (!IsForHost(id) && !contents.empty()) return contents;
    place += sizeof(entry) + id.size();
  }
  return absl::InvalidArgumentError("a bundle without a code object for a GPU");
}

absl::StatusOr<proto::VendorCodeObject> ReadCodeObject(absl::string_view image) {
  const absl::StatusOr<absl::string_view> object = Unbundled(image);
  if (!object.ok()) return object.status();
  if (LooksLikePtx(*object)) return ReadPtx(*object);
  const absl::StatusOr<ElfFile> file = ParseElf(*object);
  if (!file.ok()) return file.status();
  switch (file->machine) {
    case kMachineAmdGpu:
      return ReadAmdCodeObject(*file);
    case kMachineCuda:
      return ReadCubin(*file);
    default:
      return absl::InvalidArgumentError(
          absl::StrCat("not a GPU's code object: an ELF file for machine ", file->machine));
  }
}

}  // namespace amdgpu::code_object
