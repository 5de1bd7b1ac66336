// A bounds-checked view of an ELF64 file of a GPU: sections and symbols by name. The bytes come
// from a vendor's compiler or from a file of anybody's; every offset, size and index is checked
// here.

#ifndef AMDGPU_GPU_VENDOR_CODE_OBJECT_ELF_FILE_H_
#define AMDGPU_GPU_VENDOR_CODE_OBJECT_ELF_FILE_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace amdgpu::code_object {

inline constexpr std::uint16_t kMachineCuda = 190;
inline constexpr std::uint16_t kMachineAmdGpu = 224;

struct ElfSection {
  absl::string_view name;
  std::uint32_t type = 0;
  std::uint64_t flags = 0;
  std::uint64_t size = 0;
  std::uint32_t info = 0;
  absl::string_view contents;  // `size` bytes; empty for a section without any (SHT_NOBITS)
};

struct ElfSymbol {
  absl::string_view name;
  std::uint8_t type = 0;      // STT_...
  bool global = false;        // not STB_LOCAL
  std::uint16_t section = 0;  // as written; may be none of the file's
  std::uint64_t size = 0;
};

struct ElfFile {
  std::uint16_t machine = 0;
  std::vector<ElfSection> sections;  // by index
  // Of the table of all symbols, or else of the one for loading. By index.
  std::vector<ElfSymbol> symbols;

  // The first of this name, or null.
  const ElfSection* FindSection(absl::string_view name) const;
};

// `bytes` must outlive the result. kInvalidArgument says what is wrong.
absl::StatusOr<ElfFile> ParseElf(absl::string_view bytes);

}  // namespace amdgpu::code_object

#endif  // AMDGPU_GPU_VENDOR_CODE_OBJECT_ELF_FILE_H_
