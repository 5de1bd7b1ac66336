// Where the sections of an object go in memory: code, then what is read only, then what is written;
// each kind starts a page, since it gets its own protection.

#ifndef AMDGPU_GPU_HOST_DRIVER_IMAGE_LAYOUT_H_
#define AMDGPU_GPU_HOST_DRIVER_IMAGE_LAYOUT_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "gpu/host/driver/elf_object.h"

namespace amdgpu::host {

// Code that jumps to a far function through its slot in the offset table.
inline constexpr std::size_t kStubBytes = 8;
inline constexpr std::size_t kSlotBytes = 8;

// A range of the image, in bytes from its start.
struct ImageRange {
  std::size_t begin = 0;
  std::size_t end = 0;
  bool Contains(std::size_t offset) const { return begin <= offset && offset < end; }
  bool empty() const { return begin == end; }
};

struct ImageLayout {
  // By section index: its offset; none for a section that is not loaded.
  std::vector<std::optional<std::size_t>> sections;
  // By symbol index: where its stub and its slot are, if it has them.
  std::vector<std::optional<std::size_t>> stubs;
  std::vector<std::optional<std::size_t>> slots;
  ImageRange code;       // sections and stubs
  ImageRange read_only;  // sections and the offset table
  ImageRange writable;
  std::size_t bytes = 0;  // of the whole, a multiple of the page size
};

// kInvalidArgument for sections that a kernel's object has no use for: initialisers, thread-local
// variables, code that is writable.
absl::StatusOr<ImageLayout> PlanImage(const ElfObject& object);

}  // namespace amdgpu::host

#endif  // AMDGPU_GPU_HOST_DRIVER_IMAGE_LAYOUT_H_
