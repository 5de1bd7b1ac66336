// The address space that all modules are loaded into: one reservation of 2 GiB, so that code and
// data of any two modules reach each other with 32-bit offsets, with no memory behind it until a
// module takes a piece.

#ifndef AMDGPU_GPU_HOST_DRIVER_CODE_SPACE_H_
#define AMDGPU_GPU_HOST_DRIVER_CODE_SPACE_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"

namespace amdgpu::host {

// Thread-safe.
class CodeSpace {
 public:
  static absl::StatusOr<std::unique_ptr<CodeSpace>> Reserve();
  ~CodeSpace();

  CodeSpace(const CodeSpace&) = delete;
  CodeSpace& operator=(const CodeSpace&) = delete;

  // `bytes` (a multiple of the page size, not 0) of zeroed memory that can be read and written.
  // An inaccessible page follows each piece. kResourceExhausted when the space is full.
  absl::StatusOr<std::byte*> Take(std::size_t bytes);

  // Gives back a piece; nothing is accessible at its addresses afterwards.
  void Return(std::byte* start, std::size_t bytes);

 private:
  explicit CodeSpace(std::byte* base) : base_(base) {}

  std::byte* const base_;
  std::mutex mutex_;
  std::map<std::size_t, std::size_t> taken_ ABSL_GUARDED_BY(mutex_);  // offset -> bytes with guard
};

}  // namespace amdgpu::host

#endif  // AMDGPU_GPU_HOST_DRIVER_CODE_SPACE_H_
