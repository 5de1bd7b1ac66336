// The functions of a vendor's runtime that one driver class needs, as a table.
//
// HIP (libamdhip64) and the CUDA driver API (libcuda) have the same functions under two prefixes:
// the same arguments, the same numbers for errors and flags. What differs is told by a few fields
// at the end. A table is filled at run time (tables.h), from a library that need not be there; no
// vendor header is included and no vendor library is linked, so that one build runs on every
// machine.
//
// Unless it says "optional", a function is there in every table that was filled.

#ifndef AMDGPU_GPU_VENDOR_VENDOR_API_H_
#define AMDGPU_GPU_VENDOR_VENDOR_API_H_

#include <cstddef>
#include <cstdint>
#include <string>

namespace amdgpu::vendor {

// What every call returns: 0, or a number that both vendors use for the same error (errors.h).
using Result = int;

// The vendor's objects: pointers to what only it knows.
using Context = struct ContextObject*;
using Stream = struct StreamObject*;
using Event = struct EventObject*;
using Module = struct ModuleObject*;
using Function = struct FunctionObject*;

// A device address. HIP has a pointer here, of the same size and in the same register.
using Address = std::uint64_t;
static_assert(sizeof(Address) == sizeof(void*));

struct Uuid {
  unsigned char bytes[16];
};

// Flags that both vendors number alike.
inline constexpr unsigned kStreamNonBlocking = 1;  // does not wait for the legacy default stream
inline constexpr unsigned kEventBlockingSync = 1;  // EventSynchronize sleeps
inline constexpr unsigned kEventDisableTiming = 2;
inline constexpr unsigned kHostRegisterPortable = 1;  // for every context
inline constexpr unsigned kContextBlockingSync = 4;   // synchronising sleeps

// Attributes of functions, numbered alike.
enum class FunctionAttribute : int {
  kMaxThreadsPerBlock = 0,
  kSharedBytes = 1,
  kConstBytes = 2,
  kLocalBytes = 3,  // of each thread: spills and arrays
  kRegisters = 4,   // of each thread
  kMaxDynamicSharedBytes = 8,
};

// The vendor's numbers of device attributes; -1 where it has none.
struct DeviceAttributes {
  int max_threads_per_block;
  int max_block_x, max_block_y, max_block_z;
  int max_grid_x, max_grid_y, max_grid_z;
  int shared_per_block;
  int shared_per_block_optin;  // with FuncSetAttribute(kMaxDynamicSharedBytes)
  int shared_per_multiprocessor;
  int registers_per_block;
  int registers_per_multiprocessor;
  int threads_per_multiprocessor;
  int multiprocessors;
  int warp_size;
  int clock_khz;
  int memory_clock_khz;
  int memory_bus_bits;
  int l2_bytes;
  int ecc;
  int integrated;
};

struct VendorApi {
  const char* kind = "";  // "hip" or "cuda"
  std::string library;    // the file it was filled from

  Result (*Init)(unsigned flags) = nullptr;
  Result (*DriverGetVersion)(int* version) = nullptr;
  Result (*RuntimeGetVersion)(int* version) = nullptr;  // optional

  Result (*DeviceGetCount)(int* count) = nullptr;
  Result (*DeviceGet)(int* device, int ordinal) = nullptr;
  Result (*DeviceGetName)(char* name, int length, int device) = nullptr;
  Result (*DeviceGetPCIBusId)(char* address, int length, int device) = nullptr;
  Result (*DeviceGetUuid)(Uuid* uuid, int device) = nullptr;  // optional
  Result (*DeviceTotalMem)(std::size_t* bytes, int device) = nullptr;
  Result (*DeviceGetAttribute)(int* value, int attribute, int device) = nullptr;

  // How a thread gets at its device: SetDevice where there is one (HIP), else the primary context.
  Result (*SetDevice)(int device) = nullptr;
  Result (*DevicePrimaryCtxSetFlags)(int device, unsigned flags) = nullptr;
  Result (*DevicePrimaryCtxRetain)(Context* context, int device) = nullptr;
  Result (*DevicePrimaryCtxRelease)(int device) = nullptr;
  Result (*CtxSetCurrent)(Context context) = nullptr;

  Result (*MemAlloc)(Address* address, std::size_t bytes) = nullptr;
  Result (*MemFree)(Address address) = nullptr;
  Result (*MemGetInfo)(std::size_t* free, std::size_t* total) = nullptr;
  Result (*MemHostRegister)(void* memory, std::size_t bytes, unsigned flags) = nullptr;
  Result (*MemHostUnregister)(void* memory) = nullptr;
  Result (*MemcpyHtoDAsync)(Address destination, const void* source, std::size_t bytes,
                            Stream stream) = nullptr;
  Result (*MemcpyDtoHAsync)(void* destination, Address source, std::size_t bytes,
                            Stream stream) = nullptr;
  Result (*MemcpyDtoDAsync)(Address destination, Address source, std::size_t bytes,
                            Stream stream) = nullptr;
  Result (*MemsetD8Async)(Address destination, unsigned char value, std::size_t count,
                          Stream stream) = nullptr;
  Result (*MemsetD16Async)(Address destination, unsigned short value, std::size_t count,
                           Stream stream) = nullptr;
  Result (*MemsetD32Async)(Address destination, unsigned value, std::size_t count,
                           Stream stream) = nullptr;

  Result (*ModuleLoadDataEx)(Module* module, const void* image, unsigned options, int* names,
                             void** values) = nullptr;
  Result (*ModuleUnload)(Module module) = nullptr;
  Result (*ModuleGetFunction)(Function* function, Module module, const char* name) = nullptr;
  Result (*ModuleGetGlobal)(Address* address, std::size_t* bytes, Module module,
                            const char* name) = nullptr;
  // Has the function's code on the device now, rather than at its first launch. Optional.
  Result (*FuncLoad)(Function function) = nullptr;
  Result (*FuncGetAttribute)(int* value, int attribute, Function function) = nullptr;
  Result (*FuncSetAttribute)(Function function, int attribute, int value) = nullptr;  // optional
  Result (*OccupancyMaxActiveBlocks)(int* blocks, Function function, int block_threads,
                                     std::size_t dynamic_shared_bytes) = nullptr;
  Result (*LaunchKernel)(Function function, unsigned grid_x, unsigned grid_y, unsigned grid_z,
                         unsigned block_x, unsigned block_y, unsigned block_z,
                         unsigned dynamic_shared_bytes, Stream stream, void** parameters,
                         void** extra) = nullptr;

  Result (*StreamCreate)(Stream* stream, unsigned flags) = nullptr;
  Result (*StreamDestroy)(Stream stream) = nullptr;
  Result (*StreamSynchronize)(Stream stream) = nullptr;
  Result (*StreamWaitEvent)(Stream stream, Event event, unsigned flags) = nullptr;

  Result (*EventCreate)(Event* event, unsigned flags) = nullptr;
  Result (*EventDestroy)(Event event) = nullptr;
  Result (*EventRecord)(Event event, Stream stream) = nullptr;
  Result (*EventQuery)(Event event) = nullptr;
  Result (*EventSynchronize)(Event event) = nullptr;
  Result (*EventElapsedTime)(float* milliseconds, Event start, Event end) = nullptr;

  // "hipErrorIllegalAddress: an illegal memory access was encountered".
  std::string (*ErrorText)(const VendorApi& api, Result result) = nullptr;
  // "gfx90a:sramecc+:xnack-", "sm_90"; empty if it cannot be had.
  std::string (*Arch)(const VendorApi& api, int device) = nullptr;
  // "6.2.41133", "12.4"; of what DriverGetVersion and RuntimeGetVersion give.
  std::string (*VersionText)(int version) = nullptr;
  DeviceAttributes attribute = {};
  // What ends the list of LaunchKernel's `extra`.
  void* launch_end = nullptr;

  // For ErrorText and Arch; each vendor has its own.
  Result (*CudaErrorName)(Result result, const char** name) = nullptr;
  Result (*CudaErrorString)(Result result, const char** text) = nullptr;
  const char* (*HipErrorName)(Result result) = nullptr;
  const char* (*HipErrorString)(Result result) = nullptr;
  Result (*HipDeviceProperties)(void* properties, int device) = nullptr;
  std::size_t hip_arch_name_offset = 0;  // in those properties
};

// The first two entries of LaunchKernel's `extra`.
inline void* const kLaunchBufferPointer = reinterpret_cast<void*>(1);
inline void* const kLaunchBufferSize = reinterpret_cast<void*>(2);

}  // namespace amdgpu::vendor

#endif  // AMDGPU_GPU_VENDOR_VENDOR_API_H_
