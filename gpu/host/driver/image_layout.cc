#include "gpu/host/driver/image_layout.h"

#include <elf.h>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gpu/host/driver/page.h"
#include "gpu/host/driver/relocation.h"

namespace amdgpu::host {
namespace {

// No object may be larger than this in memory: far above any, and safe to add up.
constexpr std::uint64_t kMaxImageBytes = std::uint64_t{1} << 31;

enum class Kind { kNotLoaded, kCode, kReadOnly, kWritable };

absl::Status Refused(const ElfSection& section, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("section ", section.name, " of the object ", why));
}

absl::StatusOr<Kind> Classify(const ElfSection& section) {
  if ((section.flags & SHF_ALLOC) == 0 || section.size == 0) return Kind::kNotLoaded;
  switch (section.type) {
    case SHT_NOTE:
    case SHT_X86_64_UNWIND:
      return Kind::kNotLoaded;
    case SHT_INIT_ARRAY:
    case SHT_PREINIT_ARRAY:
    case SHT_FINI_ARRAY:
      return Refused(section,
                     "runs code at load time: __device__ variables need constant "
                     "initialisers");
    case SHT_PROGBITS:
    case SHT_NOBITS:
      break;
    default:
      return Refused(section, absl::StrCat("has the unknown type ", section.type));
  }
  if (section.name == ".eh_frame") return Kind::kNotLoaded;
  if ((section.flags & SHF_TLS) != 0) return Refused(section, "holds thread-local variables");
  if ((section.flags & SHF_COMPRESSED) != 0) return Refused(section, "is compressed");
  if (section.alignment > kPageBytes) {
    return Refused(section, absl::StrCat("is aligned to more than ", kPageBytes, " bytes"));
  }
  const bool code = (section.flags & SHF_EXECINSTR) != 0;
  const bool writable = (section.flags & SHF_WRITE) != 0;
  if (code && writable) return Refused(section, "is both code and writable");
  return code ? Kind::kCode : writable ? Kind::kWritable : Kind::kReadOnly;
}

}  // namespace

absl::StatusOr<ImageLayout> PlanImage(const ElfObject& object) {
  std::vector<Kind> kinds;
  for (const ElfSection& section : object.sections) {
    absl::StatusOr<Kind> kind = Classify(section);
    if (!kind.ok()) return kind.status();
    kinds.push_back(*kind);
  }

  ImageLayout layout;
  layout.sections.resize(object.sections.size());
  layout.stubs.resize(object.symbols.size());
  layout.slots.resize(object.symbols.size());

  std::uint64_t end = 0;
  const auto place = [&end](std::uint64_t bytes, std::uint64_t alignment) {
    const std::uint64_t start = RoundUp(end, alignment);
    end = start + bytes;
    return static_cast<std::size_t>(start);
  };
  const auto place_sections = [&](Kind kind) -> absl::Status {
    for (std::size_t i = 0; i < kinds.size(); ++i) {
      if (kinds[i] != kind) continue;
      const ElfSection& section = object.sections[i];
      if (section.size > kMaxImageBytes || end > kMaxImageBytes) {
        return Refused(section, "is too large");
      }
      layout.sections[i] = place(section.size, section.alignment);
    }
    return absl::OkStatus();
  };
  const auto begin_range = [&end] { return end = RoundUp(end, kPageBytes); };

  layout.code.begin = begin_range();
  if (absl::Status status = place_sections(Kind::kCode); !status.ok()) return status;
  for (const ElfRelocation& relocation : object.relocations) {
    const bool call = object.symbols[relocation.symbol].place == ElfSymbol::Place::kUndefined &&
                      NeedsStub(relocation.type);
    if (call && !layout.stubs[relocation.symbol].has_value()) {
      layout.stubs[relocation.symbol] = place(kStubBytes, kStubBytes);
    }
  }
  layout.code.end = end;

  layout.read_only.begin = begin_range();
  if (absl::Status status = place_sections(Kind::kReadOnly); !status.ok()) return status;
  for (const ElfRelocation& relocation : object.relocations) {
    const bool slot = NeedsSlot(relocation.type) || layout.stubs[relocation.symbol].has_value();
    if (slot && !layout.slots[relocation.symbol].has_value()) {
      layout.slots[relocation.symbol] = place(kSlotBytes, kSlotBytes);
    }
  }
  layout.read_only.end = end;

  layout.writable.begin = begin_range();
  if (absl::Status status = place_sections(Kind::kWritable); !status.ok()) return status;
  layout.writable.end = end;

  layout.bytes = RoundUp(end, kPageBytes);
  return layout;
}

}  // namespace amdgpu::host
