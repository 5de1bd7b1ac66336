// Slabs of the arena: device memory that the pool divides.
//
// Memory of a host-visible device is a file of ours, which the worker maps too. Memory of any other
// device is the worker's, and its arena is a range of numbers: offsets for the pool, with no bytes
// of ours behind them.

#ifndef AMDGPU_C_SRC_RUNTIME_SLAB_H_
#define AMDGPU_C_SRC_RUNTIME_SLAB_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "c_src/base/shared_memory.h"
#include "c_src/base/unique_fd.h"
#include "gpu/types.h"

namespace amdgpu {

// A range of the arena: committed, and mapped here and (at an address of its own) in the worker; or
// reserved by the worker alone.
struct Slab {
  std::uint64_t offset = 0;  // in the arena, and in the pool's space
  std::uint64_t bytes = 0;
  Mapping mapping;                        // empty: not host-visible
  gpu::DeviceAddress device_address = 0;  // of this worker; another after a restart

  bool Contains(std::uint64_t arena_offset) const {
    return arena_offset - offset < bytes;  // unsigned: below the offset is far above
  }
};
using SlabRef = std::shared_ptr<Slab>;

// The arena file and its slabs, by offset. Not thread-safe.
class Arena {
 public:
  static constexpr std::uint64_t kSlabAlignment = std::uint64_t{2} << 20;

  // A file that can hold `bytes`; commits nothing.
  static absl::StatusOr<Arena> Create(std::uint64_t bytes);
  // `bytes` of offsets for memory that only the worker has.
  static Arena OfWorker(std::uint64_t bytes) { return Arena(UniqueFd(), bytes); }

  bool host_visible() const { return fd_.valid(); }
  int fd() const { return fd_.get(); }  // -1 if it has none
  std::uint64_t bytes() const { return bytes_; }
  const std::vector<SlabRef>& slabs() const { return slabs_; }

  // A new slab of `bytes` (a multiple of kSlabAlignment), committed and mapped if it is
  // host-visible, that Insert has yet to make known. Tens of milliseconds for each 100 MiB.
  // kResourceExhausted when the machine or the arena has no room.
  absl::StatusOr<SlabRef> Make(std::uint64_t bytes) const;
  void Insert(SlabRef slab);
  // Forgets the slab and gives its memory back; mappings of it read zeroes.
  void Remove(const SlabRef& slab);

  // The slab that holds an offset, or null.
  SlabRef Find(std::uint64_t offset) const;

 private:
  Arena(UniqueFd fd, std::uint64_t bytes) : fd_(std::move(fd)), bytes_(bytes) {}

  UniqueFd fd_;
  std::uint64_t bytes_;
  std::vector<SlabRef> slabs_;
};

}  // namespace amdgpu

#endif  // AMDGPU_C_SRC_RUNTIME_SLAB_H_
