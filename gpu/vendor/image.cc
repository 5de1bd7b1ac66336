#include "gpu/vendor/image.h"

#include <elf.h>

#include <cstdint>
#include <cstring>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"

namespace amdgpu::vendor {
namespace {

absl::Status Bad(absl::string_view what) { return absl::InvalidArgumentError(what); }

bool Inside(std::uint64_t offset, std::uint64_t bytes, std::uint64_t size) {
  return bytes <= size && offset <= size - bytes;
}

template <typename T>
T At(const std::string& image, std::uint64_t offset) {
  T value;
  std::memcpy(&value, image.data() + offset, sizeof(value));
  return value;
}

absl::Status CheckElf(const std::string& image) {
  const std::uint64_t size = image.size();
  if (size < sizeof(Elf64_Ehdr)) return Bad("a truncated ELF header");
  const auto header = At<Elf64_Ehdr>(image, 0);
  if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB) {
    return Bad("not a 64-bit little-endian ELF file");
  }
  if (header.e_phnum != 0 && (header.e_phentsize != sizeof(Elf64_Phdr) ||
                              !Inside(header.e_phoff, header.e_phnum * sizeof(Elf64_Phdr), size))) {
    return Bad("its program headers are not inside the file");
  }
  for (std::uint64_t i = 0; i < header.e_phnum; ++i) {
    const auto segment = At<Elf64_Phdr>(image, header.e_phoff + i * sizeof(Elf64_Phdr));
    if (!Inside(segment.p_offset, segment.p_filesz, size)) {
      return Bad("a segment is not inside the file");
    }
  }
  if (header.e_shnum != 0 && (header.e_shentsize != sizeof(Elf64_Shdr) ||
                              !Inside(header.e_shoff, header.e_shnum * sizeof(Elf64_Shdr), size))) {
    return Bad("its section headers are not inside the file");
  }
  for (std::uint64_t i = 0; i < header.e_shnum; ++i) {
    const auto section = At<Elf64_Shdr>(image, header.e_shoff + i * sizeof(Elf64_Shdr));
    if (section.sh_type != SHT_NOBITS && section.sh_type != SHT_NULL &&
        !Inside(section.sh_offset, section.sh_size, size)) {
      return Bad("a section is not inside the file");
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckImage(const std::string& image) {
  if (absl::StartsWith(image, ELFMAG)) return CheckElf(image);
  const bool text = image.find('\0') == std::string::npos;
  if (text && absl::StrContains(image, ".version") && absl::StrContains(image, ".target")) {
    return absl::OkStatus();
  }
  return Bad("neither an ELF file nor PTX");
}

}  // namespace amdgpu::vendor
