#include "gpu/vendor/code_object/elf_file.h"

#include <elf.h>

#include <cstring>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gpu/vendor/code_object/byte_reader.h"

namespace amdgpu::code_object {
namespace {

constexpr std::size_t kMaxSections = 1 << 16;
constexpr std::size_t kMaxSymbols = 1 << 20;

absl::Status Bad(absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("not a GPU's code object: ", what));
}

// Entry `index` of a table of T at `offset`.
template <typename T>
bool ReadEntry(absl::string_view bytes, std::uint64_t offset, std::uint64_t index, T* entry) {
  if (index > bytes.size() / sizeof(T)) return false;
  return ReadAt(bytes, offset + index * sizeof(T), entry);
}

// The zero-terminated text at `offset` of a string table; empty if there is none.
absl::string_view TextAt(absl::string_view table, std::uint64_t offset) {
  if (offset >= table.size()) return "";
  const absl::string_view rest = table.substr(offset);
  const std::size_t end = rest.find('\0');
  return end == absl::string_view::npos ? "" : rest.substr(0, end);
}

absl::Status ReadSymbols(const ElfSection& table, absl::string_view names,
                         std::vector<ElfSymbol>* symbols) {
  const std::size_t count = table.contents.size() / sizeof(Elf64_Sym);
  if (count > kMaxSymbols) return Bad("too many symbols");
  for (std::size_t i = 0; i < count; ++i) {
    Elf64_Sym symbol;
    if (!ReadEntry(table.contents, 0, i, &symbol)) return Bad("a symbol lies outside");
    symbols->push_back({.name = TextAt(names, symbol.st_name),
                        .type = static_cast<std::uint8_t>(ELF64_ST_TYPE(symbol.st_info)),
                        .global = ELF64_ST_BIND(symbol.st_info) != STB_LOCAL,
                        .section = symbol.st_shndx,
                        .size = symbol.st_size});
  }
  return absl::OkStatus();
}

}  // namespace

const ElfSection* ElfFile::FindSection(absl::string_view name) const {
  for (const ElfSection& section : sections) {
    if (section.name == name) return &section;
  }
  return nullptr;
}

absl::StatusOr<ElfFile> ParseElf(absl::string_view bytes) {
  Elf64_Ehdr header;
  if (!ReadAt(bytes, 0, &header)) return Bad("too short");
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) return Bad("not an ELF file");
  if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB) {
    return Bad("not of 64 bits, little-endian");
  }
  ElfFile file;
  file.machine = header.e_machine;
  if (header.e_shnum == 0) return Bad("no sections");
  if (header.e_shentsize != sizeof(Elf64_Shdr)) return Bad("sections of another size");

  std::vector<Elf64_Shdr> headers;
  for (std::size_t i = 0; i < header.e_shnum && i < kMaxSections; ++i) {
    Elf64_Shdr section;
    if (!ReadEntry(bytes, header.e_shoff, i, &section)) return Bad("a section header lies outside");
    headers.push_back(section);
  }
  for (const Elf64_Shdr& section : headers) {
    ElfSection& added = file.sections.emplace_back();
    added.type = section.sh_type;
    added.flags = section.sh_flags;
    added.size = section.sh_size;
    added.info = section.sh_info;
    if (section.sh_type == SHT_NOBITS || section.sh_type == SHT_NULL) continue;
    if (!SliceAt(bytes, section.sh_offset, section.sh_size, &added.contents)) {
      return Bad("a section lies outside");
    }
  }
  if (header.e_shstrndx >= file.sections.size()) return Bad("no section names");
  for (std::size_t i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment;
    absl::string_view contents;
    if (header.e_phentsize != sizeof(segment) || !ReadEntry(bytes, header.e_phoff, i, &segment) ||
        !SliceAt(bytes, segment.p_offset, segment.p_filesz, &contents)) {
      return Bad("a segment lies outside");
    }
  }
  const absl::string_view names = file.sections[header.e_shstrndx].contents;
  const Elf64_Shdr* symbols = nullptr;
  for (std::size_t i = 0; i < headers.size(); ++i) {
    file.sections[i].name = TextAt(names, headers[i].sh_name);
    if (headers[i].sh_type == SHT_SYMTAB ||
        (headers[i].sh_type == SHT_DYNSYM && symbols == nullptr)) {
      symbols = &headers[i];
    }
  }
  if (symbols == nullptr) return file;
  if (symbols->sh_link >= file.sections.size()) return Bad("symbols without names");
  const absl::Status read =
      ReadSymbols(file.sections[static_cast<std::size_t>(symbols - headers.data())],
                  file.sections[symbols->sh_link].contents, &file.symbols);
  if (!read.ok()) return read;
  return file;
}

}  // namespace amdgpu::code_object
