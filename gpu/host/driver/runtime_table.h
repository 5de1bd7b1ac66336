// The addresses behind gpu/host/runtime_symbols.h: what machine code may call.

#ifndef AMDGPU_GPU_HOST_DRIVER_RUNTIME_TABLE_H_
#define AMDGPU_GPU_HOST_DRIVER_RUNTIME_TABLE_H_

#include <cstdint>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace amdgpu::host {

// Immutable once made; thread-safe.
class RuntimeTable {
 public:
  // Opens libm and libmvec: to be called before the process gives up opening files. Functions that
  // an older C library lacks are left out.
  static absl::StatusOr<RuntimeTable> Resolve();

  // 0 if there is no such symbol.
  std::uint64_t Find(absl::string_view name) const;

 private:
  absl::flat_hash_map<std::string, std::uint64_t> addresses_;
};

}  // namespace amdgpu::host

#endif  // AMDGPU_GPU_HOST_DRIVER_RUNTIME_TABLE_H_
