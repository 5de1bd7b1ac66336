#include "gpu/host/driver/loader.h"

#include <sys/mman.h>

#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "c_src/base/error.h"
#include "gpu/host/driver/elf_object.h"
#include "gpu/host/driver/image_layout.h"
#include "gpu/host/driver/relocation.h"

namespace amdgpu::host {
namespace {

// One object on its way into memory.
class Linker {
 public:
  Linker(const ElfObject& object, const ImageLayout& layout, std::byte* image)
      : object_(object), layout_(layout), image_(image) {}

  void CopySections() {
    for (std::size_t i = 0; i < object_.sections.size(); ++i) {
      const absl::Span<const std::byte> contents = object_.sections[i].contents;
      if (!layout_.sections[i].has_value() || contents.empty()) continue;
      std::memcpy(image_ + *layout_.sections[i], contents.data(), contents.size());
    }
  }

  // Decides the address of every symbol.
  absl::Status Resolve(const RuntimeTable& runtime, const SymbolMap& overrides) {
    addresses_.resize(object_.symbols.size());
    for (std::size_t i = 0; i < object_.symbols.size(); ++i) {
      const ElfSymbol& symbol = object_.symbols[i];
      switch (symbol.place) {
        case ElfSymbol::Place::kUndefined:
          addresses_[i] = runtime.Find(symbol.name);
          if (addresses_[i] == 0 && !symbol.weak && !symbol.name.empty()) {
            return absl::InvalidArgumentError(absl::StrCat(
                "the kernel uses ", symbol.name, ", which the host device does not have"));
          }
          break;
        case ElfSymbol::Place::kAbsolute:
          addresses_[i] = symbol.value;
          break;
        case ElfSymbol::Place::kSection:
          addresses_[i] = DefinedAddress(symbol).value_or(0);
          break;
      }
      if (!symbol.global || symbol.place == ElfSymbol::Place::kUndefined) continue;
      const auto found = overrides.find(symbol.name);
      if (found == overrides.end()) continue;
      if (found->second.bytes != symbol.size) {
        return absl::InvalidArgumentError(
            absl::StrCat("variable ", symbol.name, " has ", symbol.size, " bytes here and ",
                         found->second.bytes, " in the module it is shared with"));
      }
      addresses_[i] = found->second.address;
    }
    return absl::OkStatus();
  }

  // Stubs: jmp *slot(%rip), filled up with a trap.
  void FillStubsAndSlots() {
    for (std::size_t i = 0; i < object_.symbols.size(); ++i) {
      if (layout_.slots[i].has_value()) {
        std::memcpy(image_ + *layout_.slots[i], &addresses_[i], kSlotBytes);
      }
      if (!layout_.stubs[i].has_value()) continue;
      std::byte* stub = image_ + *layout_.stubs[i];
      const std::int64_t distance = (image_ + *layout_.slots[i]) - (stub + 6);
      const auto offset = static_cast<std::int32_t>(distance);
      const unsigned char code[] = {0xff, 0x25, 0, 0, 0, 0, 0x0f, 0x0b};
      static_assert(sizeof(code) == kStubBytes);
      std::memcpy(stub, code, sizeof(code));
      std::memcpy(stub + 2, &offset, sizeof(offset));
    }
  }

  absl::Status ApplyRelocations() {
    for (const ElfRelocation& relocation : object_.relocations) {
      // Of a section that is not loaded: debugging and unwinding data.
      if (!layout_.sections[relocation.section].has_value()) continue;
      const ElfSection& section = object_.sections[relocation.section];
      std::size_t width = 0;
      if (absl::Status status = RelocationWidth(relocation.type, width); !status.ok()) {
        return status;
      }
      if (section.contents.empty() || relocation.offset > section.size ||
          width > section.size - relocation.offset) {
        return absl::InvalidArgumentError("malformed object: a relocation outside its section");
      }
      absl::StatusOr<RelocationTarget> target = TargetOf(relocation);
      if (!target.ok()) return target.status();
      std::byte* place = image_ + *layout_.sections[relocation.section] + relocation.offset;
      if (absl::Status status = Relocate(relocation.type, place, *target, relocation.addend);
          !status.ok()) {
        return status;
      }
    }
    return absl::OkStatus();
  }

  absl::Status Protect() {
    const std::pair<ImageRange, int> ranges[] = {{layout_.code, PROT_READ | PROT_EXEC},
                                                 {layout_.read_only, PROT_READ}};
    for (const auto& [range, protection] : ranges) {
      if (range.empty()) continue;
      if (mprotect(image_ + range.begin, range.end - range.begin, protection) != 0) {
        return ErrnoError(errno, "protecting a module's memory");
      }
    }
    return absl::OkStatus();
  }

  SymbolMap ExportedSymbols() const {
    SymbolMap symbols;
    for (std::size_t i = 0; i < object_.symbols.size(); ++i) {
      const ElfSymbol& symbol = object_.symbols[i];
      if (!symbol.global || symbol.name.empty()) continue;
      if (!DefinedAddress(symbol).has_value()) continue;
      const std::size_t offset = *layout_.sections[symbol.section] + symbol.value;
      symbols.emplace(symbol.name, LoadedSymbol{.address = addresses_[i],
                                                .bytes = symbol.size,
                                                .executable = layout_.code.Contains(offset),
                                                .writable = layout_.writable.Contains(offset)});
    }
    return symbols;
  }

 private:
  // Where the image holds a symbol; none if it is not defined in a section that is loaded.
  std::optional<std::uint64_t> DefinedAddress(const ElfSymbol& symbol) const {
    if (symbol.place != ElfSymbol::Place::kSection) return std::nullopt;
    const std::optional<std::size_t> section = layout_.sections[symbol.section];
    if (!section.has_value()) return std::nullopt;
    return reinterpret_cast<std::uint64_t>(image_) + *section + symbol.value;
  }

  absl::StatusOr<RelocationTarget> TargetOf(const ElfRelocation& relocation) const {
    const ElfSymbol& symbol = object_.symbols[relocation.symbol];
    if (symbol.place == ElfSymbol::Place::kSection && !DefinedAddress(symbol).has_value() &&
        relocation.type != 0) {
      return absl::InvalidArgumentError(absl::StrCat("malformed object: a reference to ",
                                                     symbol.name,
                                                     ", which is in a section that is not loaded"));
    }
    const auto image = reinterpret_cast<std::uint64_t>(image_);
    const std::optional<std::size_t> stub = layout_.stubs[relocation.symbol];
    const std::optional<std::size_t> slot = layout_.slots[relocation.symbol];
    RelocationTarget target;
    target.symbol = addresses_[relocation.symbol];
    target.near = stub.has_value() ? image + *stub : target.symbol;
    target.slot = slot.has_value() ? image + *slot : 0;
    return target;
  }

  const ElfObject& object_;
  const ImageLayout& layout_;
  std::byte* const image_;
  std::vector<std::uint64_t> addresses_;  // by symbol index
};

}  // namespace

absl::StatusOr<LoadedObject> LoadedObject::Load(absl::Span<const std::byte> object,
                                                const RuntimeTable& runtime,
                                                const SymbolMap& overrides, CodeSpace& space) {
  const absl::StatusOr<ElfObject> elf = ParseElfObject(object);
  if (!elf.ok()) return elf.status();
  const absl::StatusOr<ImageLayout> layout = PlanImage(*elf);
  if (!layout.ok()) return layout.status();
  if (layout->bytes == 0) return absl::InvalidArgumentError("the object is empty");
  const absl::StatusOr<std::byte*> image = space.Take(layout->bytes);
  if (!image.ok()) return image.status();

  LoadedObject loaded(space, *image, layout->bytes);
  Linker linker(*elf, *layout, *image);
  linker.CopySections();
  absl::Status status = linker.Resolve(runtime, overrides);
  if (status.ok()) {
    linker.FillStubsAndSlots();
    status = linker.ApplyRelocations();
  }
  if (status.ok()) status = linker.Protect();
  if (!status.ok()) return status;
  loaded.symbols_ = linker.ExportedSymbols();
  return loaded;
}

LoadedObject::LoadedObject(LoadedObject&& other) noexcept
    : space_(other.space_),
      image_(std::exchange(other.image_, nullptr)),
      bytes_(other.bytes_),
      symbols_(std::move(other.symbols_)) {}

LoadedObject::~LoadedObject() {
  if (image_ != nullptr) space_->Return(image_, bytes_);
}

const LoadedSymbol* LoadedObject::Find(absl::string_view name) const {
  const auto found = symbols_.find(name);
  return found == symbols_.end() ? nullptr : &found->second;
}

}  // namespace amdgpu::host
