// The contract between a kernel compiled for the host device and the runtime that calls it.
//
// The compiler (gpu/host/compiler) turns every `__global__` function `k` into one C function
// `__hdk_k` that runs a range of whole blocks on the calling thread. The loader
// (gpu/host/loader) finds it by that name and the driver calls it from its threads. Both sides
// include this header and nothing else of each other. Any change to it changes kAbiVersion.

#ifndef AMDGPU_GPU_HOST_ABI_H_
#define AMDGPU_GPU_HOST_ABI_H_

#include <cstddef>
#include <cstdint>

namespace amdgpu::host {

// Written into every code object; a driver refuses an object of another version.
inline constexpr std::uint32_t kAbiVersion = 1;

// Prefix of the symbol of a block function; the rest is the kernel's own (mangled) symbol.
inline constexpr char kBlockFunctionPrefix[] = "__hdk_";

// Lanes in a warp of the host device.
inline constexpr std::uint32_t kWarpSize = 32;

// Most threads a block may have.
inline constexpr std::uint32_t kMaxThreadsPerBlock = 1024;

// Alignment of kernel arguments' storage, of dynamic shared memory and of the exchange buffer.
inline constexpr std::size_t kBufferAlignment = 64;

// Bytes of the exchange buffer that warp shuffles and votes go through: one 8-byte word per thread
// and one per warp. It is zero when a thread first runs blocks; blocks leave the warps' words zero.
inline constexpr std::size_t kExchangeBytes =
    8 * kMaxThreadsPerBlock + 8 * (kMaxThreadsPerBlock / kWarpSize);

// The blocks that one call runs: [first, last) of the grid's blocks in x-fastest order. Field
// offsets are known to the compiler's passes.
struct BlockRange {
  std::uint32_t grid[3];   // blocks, each >= 1; grid * block < 2^31 in each dimension
  std::uint32_t block[3];  // threads, each >= 1; product <= kMaxThreadsPerBlock
  std::uint32_t first;
  std::uint32_t last;
  void* dynamic_shared;  // kBufferAlignment-aligned; as many bytes as the launch asked for
  void* exchange;        // kExchangeBytes, private to the calling thread
};
static_assert(sizeof(BlockRange) == 48 && offsetof(BlockRange, first) == 24 &&
              offsetof(BlockRange, dynamic_shared) == 32 && offsetof(BlockRange, exchange) == 40);

// `args` holds the kernel's parameters in declaration order, each at the next multiple of its
// alignment (the layout of a C struct with the same members).
using BlockFunction = void (*)(const void* args, const BlockRange* range);

// Intrinsics: functions that the device headers declare and the passes replace. They never reach an
// object.
//   unsigned __hd_tid(int dim), __hd_bid, __hd_bdim, __hd_gdim   coordinates; dim 0..2
//   unsigned __hd_flat()                                         flat thread index in the block
//   void*    __hd_xchg()                                         BlockRange::exchange
//   void     __hd_barrier()                                      block barrier
//   void     __hd_wbarrier()                                     warp barrier

}  // namespace amdgpu::host

#endif  // AMDGPU_GPU_HOST_ABI_H_
