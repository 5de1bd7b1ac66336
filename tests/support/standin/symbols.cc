// The symbols of libamdhip64 or libcuda, by what the build defines: STANDIN_HIP, STANDIN_HIP5 (as
// before HIP 6) or STANDIN_CUDA.

#include <cstdio>
#include <cstring>
#include <iterator>
#include <memory>

#include "tests/support/standin/script.h"
#include "tests/support/standin/standin.h"

#if defined(STANDIN_CUDA)
#define NAME(hip, cuda) cuda
#else
#define NAME(hip, cuda) hip
#endif

#define EXPORT extern "C" __attribute__((visibility("default")))
// Counts the call, does as the script says; after a fault everything fails alike.
#define ENTER(call)                                                               \
  if (const standin::Result told = standin::Enter(#call); told != 0) return told; \
  if (const standin::Result sticky = standin::Sticky(); sticky != 0) return sticky
// The same for calls that work after a fault.
#define ENTER_ALWAYS(call) \
  if (const standin::Result told = standin::Enter(#call); told != 0) return told

using standin::Address;
using standin::Event;
using standin::Function;
using standin::kInvalidValue;
using standin::kSuccess;
using standin::Module;
using standin::Result;
using standin::Stream;

EXPORT void standin_script(const char* script) { standin::SetScript(script); }
EXPORT void standin_recover() { standin::Recover(); }
EXPORT unsigned long standin_calls(const char* call) { return standin::Calls(call); }
EXPORT bool standin_registered(const void* memory, std::size_t bytes) {
  return standin::IsRegistered(memory, bytes);
}
// For the stand-ins for BLAS libraries (blas.h), which are objects of their own.
EXPORT Result standin_enter(const char* call) { return standin::Enter(call); }
EXPORT Result standin_sticky() { return standin::Sticky(); }
EXPORT Result standin_enqueue(Stream stream, const std::function<Result()>* work) {
  return standin::Enqueue(stream, *work);
}
EXPORT bool standin_is_device_memory(Address address, std::size_t bytes) {
  return standin::IsDeviceMemory(address, bytes);
}
EXPORT std::size_t standin_free_bytes() { return standin::FreeBytes(); }

EXPORT Result NAME(hipInit, cuInit)(unsigned) {
  ENTER_ALWAYS(Init);
  return kSuccess;
}
EXPORT Result NAME(hipDriverGetVersion, cuDriverGetVersion)(int* version) {
  ENTER_ALWAYS(DriverGetVersion);
  *version = NAME(60241133, 12040);
  return kSuccess;
}
EXPORT Result NAME(hipGetDeviceCount, cuDeviceGetCount)(int* count) {
  ENTER(DeviceGetCount);
  *count = 1;
  return kSuccess;
}
EXPORT Result NAME(hipDeviceGet, cuDeviceGet)(int* device, int ordinal) {
  ENTER(DeviceGet);
  if (ordinal != 0) return 101;
  *device = 0;
  return kSuccess;
}
EXPORT Result NAME(hipDeviceGetName, cuDeviceGetName)(char* name, int length, int) {
  ENTER(DeviceGetName);
  std::snprintf(name, static_cast<std::size_t>(length), "Stand-in");
  return kSuccess;
}
EXPORT Result NAME(hipDeviceGetPCIBusId, cuDeviceGetPCIBusId)(char* address, int length, int) {
  ENTER(DeviceGetPCIBusId);
  std::snprintf(address, static_cast<std::size_t>(length), "0000:C1:00.0");
  return kSuccess;
}
EXPORT Result NAME(hipDeviceGetUuid, cuDeviceGetUuid_v2)(amdgpu::vendor::Uuid* uuid, int) {
  ENTER(DeviceGetUuid);
  for (int i = 0; i < 16; ++i) {
    uuid->bytes[i] = static_cast<unsigned char>(NAME("0123456789abcdef"[i], 0xa0 + i));
  }
  return kSuccess;
}
EXPORT Result NAME(hipDeviceTotalMem, cuDeviceTotalMem_v2)(std::size_t* bytes, int) {
  ENTER(DeviceTotalMem);
  *bytes = standin::kMemoryBytes;
  return kSuccess;
}
EXPORT Result NAME(hipDeviceGetAttribute, cuDeviceGetAttribute)(int* value, int attribute, int) {
  ENTER(DeviceGetAttribute);
  switch (attribute) {
#if defined(STANDIN_CUDA)
    case 75:
      *value = 9;
      break;
    case 76:
      *value = 0;
      break;
#endif
    case NAME(56, 1):
    case NAME(26, 2):
    case NAME(27, 3):
    case NAME(28, 4):
      *value = standin::kMaxThreads;
      break;
    case NAME(29, 5):
    case NAME(30, 6):
    case NAME(31, 7):
      *value = 0x7fffffff;
      break;
    case NAME(74, 8):
      *value = standin::kSharedUnasked;
      break;
    case NAME(10002, 81):
#if defined(STANDIN_CUDA)
    case 97:
#endif
      *value = standin::kMaxShared;
      break;
    case NAME(71, 12):
    case NAME(72, 82):
      *value = 65536;
      break;
    case NAME(57, 39):
      *value = 2048;
      break;
    case NAME(63, 16):
      *value = standin::kUnits;
      break;
    case NAME(87, 10):
      *value = NAME(64, 32);
      break;
    case NAME(5, 13):
    case NAME(60, 36):
      *value = 1'700'000;
      break;
    default:
      *value = 0;
  }
  return kSuccess;
}

#if defined(STANDIN_CUDA)
EXPORT Result cuDevicePrimaryCtxSetFlags_v2(int, unsigned) {
  ENTER(DevicePrimaryCtxSetFlags);
  return kSuccess;
}
EXPORT Result cuDevicePrimaryCtxRetain(amdgpu::vendor::Context* context, int) {
  ENTER(DevicePrimaryCtxRetain);
  static int the_context;
  *context = reinterpret_cast<amdgpu::vendor::Context>(&the_context);
  return kSuccess;
}
EXPORT Result cuDevicePrimaryCtxRelease_v2(int) {
  ENTER_ALWAYS(DevicePrimaryCtxRelease);
  return kSuccess;
}
EXPORT Result cuCtxSetCurrent(amdgpu::vendor::Context) {
  ENTER_ALWAYS(CtxSetCurrent);
  return kSuccess;
}
EXPORT Result cuFuncSetAttribute(Function function, int attribute, int value) {
  ENTER(FuncSetAttribute);
  constexpr int kMaxDynamicSharedBytes = 8;
  if (attribute != kMaxDynamicSharedBytes || value < 0) return kInvalidValue;
  return standin::AllowDynamicShared(function, static_cast<unsigned>(value));
}
EXPORT Result cuGetErrorName(Result result, const char** name) {
  *name = result == 700 ? "CUDA_ERROR_ILLEGAL_ADDRESS" : "CUDA_ERROR_STANDIN";
  return kSuccess;
}
EXPORT Result cuGetErrorString(Result, const char** text) {
  *text = "the stand-in says so";
  return kSuccess;
}
#else
EXPORT Result hipSetDevice(int device) {
  ENTER_ALWAYS(SetDevice);
  return device == 0 ? kSuccess : 101;
}
EXPORT const char* hipGetErrorName(Result result) {
  return result == 700 ? "hipErrorIllegalAddress" : "hipErrorStandIn";
}
EXPORT const char* hipGetErrorString(Result) { return "the stand-in says so"; }
#if defined(STANDIN_HIP5)
EXPORT Result hipGetDeviceProperties(char* properties, int) {
  ENTER(HipDeviceProperties);
  std::strcpy(properties + 396, "gfx90a:sramecc+:xnack-");
  return kSuccess;
}
#else
EXPORT Result hipGetDevicePropertiesR0600(char* properties, int) {
  ENTER(HipDeviceProperties);
  std::strcpy(properties + 1160, "gfx90a:sramecc+:xnack-");
  return kSuccess;
}
EXPORT Result hipRuntimeGetVersion(int* version) {
  ENTER_ALWAYS(RuntimeGetVersion);
  *version = 60241133;
  return kSuccess;
}
#endif
#endif

EXPORT Result NAME(hipMalloc, cuMemAlloc_v2)(Address* address, std::size_t bytes) {
  ENTER(MemAlloc);
  return standin::MemAlloc(address, bytes);
}
EXPORT Result NAME(hipFree, cuMemFree_v2)(Address address) {
  ENTER_ALWAYS(MemFree);
  return standin::MemFree(address);
}
EXPORT Result NAME(hipMemGetInfo, cuMemGetInfo_v2)(std::size_t* free, std::size_t* total) {
  ENTER(MemGetInfo);
  *free = standin::FreeBytes();
  *total = standin::kMemoryBytes;
  return kSuccess;
}
EXPORT Result NAME(hipHostRegister, cuMemHostRegister_v2)(void* memory, std::size_t bytes,
                                                          unsigned) {
  ENTER(MemHostRegister);
  return standin::HostRegister(memory, bytes);
}
EXPORT Result NAME(hipHostUnregister, cuMemHostUnregister)(void* memory) {
  ENTER_ALWAYS(MemHostUnregister);
  return standin::HostUnregister(memory);
}
EXPORT Result NAME(hipMemcpyHtoDAsync, cuMemcpyHtoDAsync_v2)(Address destination,
                                                             const void* source, std::size_t bytes,
                                                             Stream stream) {
  ENTER(MemcpyHtoDAsync);
  return standin::Enqueue(stream, [=] {
    if (!standin::IsDeviceMemory(destination, bytes)) return standin::kIllegalAddress;
    std::memcpy(reinterpret_cast<void*>(destination), source, bytes);
    return kSuccess;
  });
}
EXPORT Result NAME(hipMemcpyDtoHAsync, cuMemcpyDtoHAsync_v2)(void* destination, Address source,
                                                             std::size_t bytes, Stream stream) {
  ENTER(MemcpyDtoHAsync);
  return standin::Enqueue(stream, [=] {
    if (!standin::IsDeviceMemory(source, bytes)) return standin::kIllegalAddress;
    std::memcpy(destination, reinterpret_cast<const void*>(source), bytes);
    return kSuccess;
  });
}
EXPORT Result NAME(hipMemcpyDtoDAsync, cuMemcpyDtoDAsync_v2)(Address destination, Address source,
                                                             std::size_t bytes, Stream stream) {
  ENTER(MemcpyDtoDAsync);
  // What the vendors leave undefined: a driver must not ask for it.
  if (destination < source + bytes && source < destination + bytes) return kInvalidValue;
  return standin::Enqueue(stream, [=] {
    if (!standin::IsDeviceMemory(destination, bytes) || !standin::IsDeviceMemory(source, bytes)) {
      return standin::kIllegalAddress;
    }
    std::memcpy(reinterpret_cast<void*>(destination), reinterpret_cast<const void*>(source), bytes);
    return kSuccess;
  });
}

namespace {

template <typename T>
Result Memset(Address destination, T value, std::size_t count, Stream stream) {
  if (destination % sizeof(T) != 0) return kInvalidValue;
  return standin::Enqueue(stream, [=] {
    if (!standin::IsDeviceMemory(destination, count * sizeof(T))) return standin::kIllegalAddress;
    std::fill_n(reinterpret_cast<T*>(destination), count, value);
    return kSuccess;
  });
}

}  // namespace

EXPORT Result NAME(hipMemsetD8Async, cuMemsetD8Async)(Address destination, unsigned char value,
                                                      std::size_t count, Stream stream) {
  ENTER(MemsetD8Async);
  return Memset(destination, value, count, stream);
}
EXPORT Result NAME(hipMemsetD16Async, cuMemsetD16Async)(Address destination, unsigned short value,
                                                        std::size_t count, Stream stream) {
  ENTER(MemsetD16Async);
  return Memset(destination, value, count, stream);
}
EXPORT Result NAME(hipMemsetD32Async, cuMemsetD32Async)(Address destination, unsigned value,
                                                        std::size_t count, Stream stream) {
  ENTER(MemsetD32Async);
  return Memset(destination, value, count, stream);
}

EXPORT Result NAME(hipModuleLoadDataEx, cuModuleLoadDataEx)(Module* module, const void* image,
                                                            unsigned, int*, void**) {
  ENTER(ModuleLoadDataEx);
  return standin::ModuleLoad(module, image);
}
EXPORT Result NAME(hipModuleUnload, cuModuleUnload)(Module module) {
  ENTER_ALWAYS(ModuleUnload);
  return standin::ModuleUnload(module);
}
EXPORT Result NAME(hipModuleGetFunction, cuModuleGetFunction)(Function* function, Module module,
                                                              const char* name) {
  ENTER(ModuleGetFunction);
  return standin::ModuleGetFunction(function, module, name);
}
#if defined(STANDIN_CUDA)
EXPORT Result cuFuncLoad(Function) {
  ENTER(FuncLoad);
  return kSuccess;
}
#endif
EXPORT Result NAME(hipModuleGetGlobal, cuModuleGetGlobal_v2)(Address* address, std::size_t* bytes,
                                                             Module module, const char* name) {
  ENTER(ModuleGetGlobal);
  return standin::ModuleGetGlobal(address, bytes, module, name);
}
EXPORT Result NAME(hipFuncGetAttribute, cuFuncGetAttribute)(int* value, int attribute,
                                                            Function function) {
  ENTER(FuncGetAttribute);
  const int values[] = {static_cast<int>(standin::kMaxThreads),
                        0,
                        0,
                        16,
                        40,
                        0,
                        0,
                        0,
                        static_cast<int>(standin::MostDynamicShared(function))};
  *value = attribute < static_cast<int>(std::size(values)) ? values[attribute] : 0;
  return kSuccess;
}
EXPORT Result NAME(hipModuleOccupancyMaxActiveBlocksPerMultiprocessor,
                   cuOccupancyMaxActiveBlocksPerMultiprocessor)(int* blocks, Function function,
                                                                int threads, std::size_t shared) {
  ENTER(OccupancyMaxActiveBlocks);
  // 1536 threads fit, 16 blocks, and what shared memory there is.
  int most = threads <= 0 ? 0 : std::min(16, 1536 / threads);
  if (shared != 0) most = std::min(most, static_cast<int>(standin::kMaxShared / shared));
  if (shared > standin::MostDynamicShared(function)) most = 0;
  *blocks = most;
  return kSuccess;
}
EXPORT Result NAME(hipModuleLaunchKernel, cuLaunchKernel)(Function function, unsigned grid_x,
                                                          unsigned grid_y, unsigned grid_z,
                                                          unsigned block_x, unsigned block_y,
                                                          unsigned block_z, unsigned shared,
                                                          Stream stream, void**, void** extra) {
  ENTER(LaunchKernel);
  const std::byte* args = nullptr;
  std::size_t bytes = 0;
  if (extra != nullptr) {
    // Pointer, size, end; the end is a number of the vendor's own.
    const void* const end = NAME(reinterpret_cast<void*>(3), nullptr);
    if (extra[0] != reinterpret_cast<void*>(1) || extra[2] != reinterpret_cast<void*>(2) ||
        extra[4] != end) {
      return kInvalidValue;
    }
    args = static_cast<const std::byte*>(extra[1]);
    bytes = *static_cast<const std::size_t*>(extra[3]);
  }
  return standin::LaunchKernel(function, {{grid_x, grid_y, grid_z}, {block_x, block_y, block_z}},
                               shared, stream, args, bytes);
}

EXPORT Result NAME(hipStreamCreateWithFlags, cuStreamCreate)(Stream* stream, unsigned flags) {
  ENTER(StreamCreate);
  if (flags != amdgpu::vendor::kStreamNonBlocking) return kInvalidValue;
  return standin::StreamCreate(stream);
}
EXPORT Result NAME(hipStreamDestroy, cuStreamDestroy_v2)(Stream stream) {
  ENTER_ALWAYS(StreamDestroy);
  return standin::StreamDestroy(stream);
}
EXPORT Result NAME(hipStreamSynchronize, cuStreamSynchronize)(Stream stream) {
  ENTER(StreamSynchronize);
  return standin::StreamSynchronize(stream);
}
EXPORT Result NAME(hipStreamWaitEvent, cuStreamWaitEvent)(Stream stream, Event event, unsigned) {
  ENTER(StreamWaitEvent);
  return standin::StreamWaitEvent(stream, event);
}
EXPORT Result NAME(hipEventCreateWithFlags, cuEventCreate)(Event* event, unsigned) {
  ENTER(EventCreate);
  return standin::EventCreate(event);
}
EXPORT Result NAME(hipEventDestroy, cuEventDestroy_v2)(Event event) {
  ENTER_ALWAYS(EventDestroy);
  return standin::EventDestroy(event);
}
EXPORT Result NAME(hipEventRecord, cuEventRecord)(Event event, Stream stream) {
  ENTER(EventRecord);
  return standin::EventRecord(event, stream);
}
EXPORT Result NAME(hipEventQuery, cuEventQuery)(Event event) {
  ENTER_ALWAYS(EventQuery);
  return standin::EventQuery(event);
}
EXPORT Result NAME(hipEventSynchronize, cuEventSynchronize)(Event event) {
  ENTER_ALWAYS(EventSynchronize);
  return standin::EventSynchronize(event);
}
EXPORT Result NAME(hipEventElapsedTime, cuEventElapsedTime_v2)(float* milliseconds, Event start,
                                                               Event end) {
  ENTER(EventElapsedTime);
  return standin::EventElapsedTime(milliseconds, start, end);
}
