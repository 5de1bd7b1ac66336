// A bounds-checked view of an ELF64 x86-64 relocatable object. The bytes may come from a cache file
// and are not trusted: every offset, size and index is checked here once, so that the loader can
// use what this returns without a second look.

#ifndef AMDGPU_GPU_HOST_DRIVER_ELF_OBJECT_H_
#define AMDGPU_GPU_HOST_DRIVER_ELF_OBJECT_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace amdgpu::host {

struct ElfSection {
  absl::string_view name;
  std::uint32_t type = 0;
  std::uint64_t flags = 0;
  std::uint64_t size = 0;                // bytes in memory
  std::uint64_t alignment = 1;           // a power of two
  absl::Span<const std::byte> contents;  // `size` bytes, or none for SHT_NOBITS
};

struct ElfSymbol {
  enum class Place { kUndefined, kAbsolute, kSection };

  absl::string_view name;
  Place place = Place::kUndefined;
  std::uint32_t section = 0;  // with kSection: an index that exists
  std::uint64_t value = 0;    // with kSection: at most the section's size
  std::uint64_t size = 0;     // with kSection: value + size is at most the section's size
  bool weak = false;
  bool global = false;  // visible by name: not STB_LOCAL
};

struct ElfRelocation {
  std::uint32_t section = 0;  // that it changes; an index that exists
  std::uint64_t offset = 0;   // within it; not checked, since the width depends on the type
  std::uint32_t type = 0;
  std::uint32_t symbol = 0;  // an index that exists
  std::int64_t addend = 0;
};

struct ElfObject {
  std::vector<ElfSection> sections;  // by index; 0 is the null section
  std::vector<ElfSymbol> symbols;
  std::vector<ElfRelocation> relocations;
};

// Parses `bytes`, which must outlive the result. kInvalidArgument says what is wrong.
absl::StatusOr<ElfObject> ParseElfObject(absl::Span<const std::byte> bytes);

}  // namespace amdgpu::host

#endif  // AMDGPU_GPU_HOST_DRIVER_ELF_OBJECT_H_
