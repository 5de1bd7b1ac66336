// Turns a relocatable object into machine code in this process, without a file, a linker or a page
// that is both writable and executable. The object is untrusted bytes: a malformed one is an error,
// never a crash. (What the code does when it runs is another matter: that is what the worker's
// process is for.)

#ifndef AMDGPU_GPU_HOST_DRIVER_LOADER_H_
#define AMDGPU_GPU_HOST_DRIVER_LOADER_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "gpu/host/driver/code_space.h"
#include "gpu/host/driver/runtime_table.h"

namespace amdgpu::host {

// A symbol of a loaded object that is visible by name.
struct LoadedSymbol {
  std::uint64_t address = 0;
  std::uint64_t bytes = 0;
  bool executable = false;
  bool writable = false;
};

using SymbolMap = absl::flat_hash_map<std::string, LoadedSymbol>;

// Owns the memory of one object; frees it when it goes. Immutable; thread-safe.
class LoadedObject {
 public:
  // `overrides` replaces definitions of the object: references to a symbol in it go to its address
  // instead. Both references must outlive the result.
  static absl::StatusOr<LoadedObject> Load(absl::Span<const std::byte> object,
                                           const RuntimeTable& runtime, const SymbolMap& overrides,
                                           CodeSpace& space);

  LoadedObject(LoadedObject&& other) noexcept;
  LoadedObject& operator=(LoadedObject&&) = delete;
  ~LoadedObject();

  // Null if the object defines no such symbol.
  const LoadedSymbol* Find(absl::string_view name) const;

 private:
  LoadedObject(CodeSpace& space, std::byte* image, std::size_t bytes)
      : space_(&space), image_(image), bytes_(bytes) {}

  CodeSpace* space_;
  std::byte* image_;  // null after a move
  std::size_t bytes_;
  SymbolMap symbols_;
};

}  // namespace amdgpu::host

#endif  // AMDGPU_GPU_HOST_DRIVER_LOADER_H_
