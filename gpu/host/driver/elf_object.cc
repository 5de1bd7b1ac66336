#include "gpu/host/driver/elf_object.h"

#include <elf.h>

#include <bit>
#include <cstring>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace amdgpu::host {
namespace {

template <typename... Parts>
absl::Status Malformed(const Parts&... parts) {
  return absl::InvalidArgumentError(absl::StrCat("malformed object: ", parts...));
}

// Reads records and strings out of untrusted bytes.
class Reader {
 public:
  explicit Reader(absl::Span<const std::byte> bytes) : bytes_(bytes) {}

  bool Contains(std::uint64_t offset, std::uint64_t size) const {
    return offset <= bytes_.size() && size <= bytes_.size() - offset;
  }

  // The caller has checked that it is contained.
  template <typename T>
  T At(std::uint64_t offset) const {
    T record;
    std::memcpy(&record, bytes_.data() + offset, sizeof(T));
    return record;
  }

  absl::Span<const std::byte> Slice(std::uint64_t offset, std::uint64_t size) const {
    return bytes_.subspan(offset, size);
  }

 private:
  absl::Span<const std::byte> bytes_;
};

// The zero-terminated string at `offset` of a string table.
absl::StatusOr<absl::string_view> StringAt(absl::Span<const std::byte> table,
                                           std::uint64_t offset) {
  if (offset >= table.size()) return Malformed("a name lies outside its string table");
  const char* start = reinterpret_cast<const char*>(table.data()) + offset;
  const std::size_t length = strnlen(start, table.size() - offset);
  if (length == table.size() - offset) return Malformed("a name does not end");
  return absl::string_view(start, length);
}

absl::StatusOr<Elf64_Ehdr> ReadHeader(const Reader& reader) {
  if (!reader.Contains(0, sizeof(Elf64_Ehdr))) return Malformed("shorter than an ELF header");
  const auto header = reader.At<Elf64_Ehdr>(0);
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) return Malformed("not an ELF file");
  if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB ||
      header.e_machine != EM_X86_64) {
    return Malformed("not for x86-64");
  }
  if (header.e_type != ET_REL) return Malformed("not relocatable");
  if (header.e_shentsize != sizeof(Elf64_Shdr) || header.e_shnum == 0 ||
      !reader.Contains(header.e_shoff, std::uint64_t{header.e_shnum} * sizeof(Elf64_Shdr))) {
    return Malformed("the section table lies outside the file");
  }
  if (header.e_shstrndx >= header.e_shnum) return Malformed("no section names");
  return header;
}

absl::StatusOr<ElfSection> ReadSection(const Reader& reader, const Elf64_Shdr& header) {
  ElfSection section;
  section.type = header.sh_type;
  section.flags = header.sh_flags;
  section.size = header.sh_type == SHT_NULL ? 0 : header.sh_size;
  section.alignment = header.sh_addralign == 0 ? 1 : header.sh_addralign;
  if (!std::has_single_bit(section.alignment)) {
    return Malformed("an alignment is not a power of two");
  }
  if (header.sh_type != SHT_NULL && header.sh_type != SHT_NOBITS) {
    if (!reader.Contains(header.sh_offset, header.sh_size)) {
      return Malformed("a section lies outside the file");
    }
    section.contents = reader.Slice(header.sh_offset, header.sh_size);
  }
  return section;
}

absl::StatusOr<ElfSymbol> ReadSymbol(const Elf64_Sym& record, absl::Span<const std::byte> names,
                                     const std::vector<ElfSection>& sections) {
  ElfSymbol symbol;
  if (record.st_name != 0) {
    absl::StatusOr<absl::string_view> name = StringAt(names, record.st_name);
    if (!name.ok()) return name.status();
    symbol.name = *name;
  }
  symbol.value = record.st_value;
  symbol.size = record.st_size;
  symbol.weak = ELF64_ST_BIND(record.st_info) == STB_WEAK;
  symbol.global = ELF64_ST_BIND(record.st_info) != STB_LOCAL;
  if (ELF64_ST_TYPE(record.st_info) == STT_TLS) {
    return absl::InvalidArgumentError(
        absl::StrCat("thread-local variable ", symbol.name, " is not supported"));
  }
  switch (record.st_shndx) {
    case SHN_UNDEF:
      symbol.place = ElfSymbol::Place::kUndefined;
      return symbol;
    case SHN_ABS:
      symbol.place = ElfSymbol::Place::kAbsolute;
      return symbol;
    case SHN_COMMON:
      return absl::InvalidArgumentError(
          absl::StrCat("common symbol ", symbol.name, " is not supported"));
    default:
      break;
  }
  if (record.st_shndx >= sections.size()) {
    return Malformed("symbol ", symbol.name, " is in a section that does not exist");
  }
  symbol.place = ElfSymbol::Place::kSection;
  symbol.section = record.st_shndx;
  const std::uint64_t section_size = sections[symbol.section].size;
  if (symbol.value > section_size || symbol.size > section_size - symbol.value) {
    return Malformed("symbol ", symbol.name, " lies outside its section");
  }
  return symbol;
}

absl::Status ReadSymbols(const Elf64_Shdr& header, ElfObject& object, std::uint32_t index) {
  if (!object.symbols.empty()) return Malformed("more than one symbol table");
  if (header.sh_entsize != sizeof(Elf64_Sym) || header.sh_link >= object.sections.size()) {
    return Malformed("a symbol table of unknown form");
  }
  const Reader table(object.sections[index].contents);
  const absl::Span<const std::byte> names = object.sections[header.sh_link].contents;
  const std::uint64_t count = object.sections[index].size / sizeof(Elf64_Sym);
  object.symbols.reserve(count);
  for (std::uint64_t i = 0; i < count; ++i) {
    absl::StatusOr<ElfSymbol> symbol =
        ReadSymbol(table.At<Elf64_Sym>(i * sizeof(Elf64_Sym)), names, object.sections);
    if (!symbol.ok()) return symbol.status();
    object.symbols.push_back(*symbol);
  }
  return absl::OkStatus();
}

absl::Status ReadRelocations(const Elf64_Shdr& header, ElfObject& object, std::uint32_t index) {
  if (header.sh_entsize != sizeof(Elf64_Rela) || header.sh_info >= object.sections.size()) {
    return Malformed("a relocation table of unknown form");
  }
  const Reader table(object.sections[index].contents);
  const std::uint64_t count = object.sections[index].size / sizeof(Elf64_Rela);
  object.relocations.reserve(object.relocations.size() + count);
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto record = table.At<Elf64_Rela>(i * sizeof(Elf64_Rela));
    const std::uint64_t symbol = ELF64_R_SYM(record.r_info);
    if (symbol >= object.symbols.size()) {
      return Malformed("a relocation names a symbol that does not exist");
    }
    object.relocations.push_back({.section = header.sh_info,
                                  .offset = record.r_offset,
                                  .type = static_cast<std::uint32_t>(ELF64_R_TYPE(record.r_info)),
                                  .symbol = static_cast<std::uint32_t>(symbol),
                                  .addend = record.r_addend});
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ElfObject> ParseElfObject(absl::Span<const std::byte> bytes) {
  const Reader reader(bytes);
  const absl::StatusOr<Elf64_Ehdr> header = ReadHeader(reader);
  if (!header.ok()) return header.status();

  ElfObject object;
  std::vector<Elf64_Shdr> headers;
  for (std::uint32_t i = 0; i < header->e_shnum; ++i) {
    headers.push_back(reader.At<Elf64_Shdr>(header->e_shoff + i * sizeof(Elf64_Shdr)));
    absl::StatusOr<ElfSection> section = ReadSection(reader, headers.back());
    if (!section.ok()) return section.status();
    object.sections.push_back(*section);
  }
  const absl::Span<const std::byte> names = object.sections[header->e_shstrndx].contents;
  for (std::uint32_t i = 1; i < headers.size(); ++i) {
    absl::StatusOr<absl::string_view> name = StringAt(names, headers[i].sh_name);
    if (!name.ok()) return name.status();
    object.sections[i].name = *name;
  }
  // Symbols before relocations, which refer to them.
  for (std::uint32_t i = 1; i < headers.size(); ++i) {
    if (headers[i].sh_type != SHT_SYMTAB) continue;
    if (absl::Status status = ReadSymbols(headers[i], object, i); !status.ok()) return status;
  }
  for (std::uint32_t i = 1; i < headers.size(); ++i) {
    if (headers[i].sh_type == SHT_REL) return Malformed("relocations without addends");
    if (headers[i].sh_type != SHT_RELA) continue;
    if (absl::Status status = ReadRelocations(headers[i], object, i); !status.ok()) return status;
  }
  return object;
}

}  // namespace amdgpu::host
