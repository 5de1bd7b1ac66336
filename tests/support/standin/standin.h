// A stand-in for a vendor's runtime: a GPU that is this process's memory and a thread per stream.
//
// It is built into shared objects that have the symbols of libamdhip64 and libcuda (symbols.cc), so
// that the driver's logic, order and error paths are tested through the route that real libraries
// take. Kernels are built in (kernels.cc). Only tests can open one: no list of libraries names it.
//
// Every call can be told to fail, hang or abort (script.h).

#ifndef AMDGPU_TESTS_SUPPORT_STANDIN_STANDIN_H_
#define AMDGPU_TESTS_SUPPORT_STANDIN_STANDIN_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "gpu/vendor/errors.h"
#include "gpu/vendor/vendor_api.h"

namespace standin {

using amdgpu::vendor::Address;
using amdgpu::vendor::Event;
using amdgpu::vendor::Function;
using amdgpu::vendor::kIllegalAddress;
using amdgpu::vendor::kInvalidImage;
using amdgpu::vendor::kInvalidValue;
using amdgpu::vendor::kNotFound;
using amdgpu::vendor::kNotReady;
using amdgpu::vendor::kOutOfMemory;
using amdgpu::vendor::kSuccess;
using amdgpu::vendor::Module;
using amdgpu::vendor::Result;
using amdgpu::vendor::Stream;

// What the one device says of itself.
inline constexpr std::size_t kMemoryBytes = std::size_t{1} << 30;
inline constexpr unsigned kMaxThreads = 1024;
inline constexpr unsigned kMaxShared = 64 * 1024;
// What a kernel may use of it without asking: on NVIDIA's devices not all.
#if defined(STANDIN_CUDA)
inline constexpr unsigned kSharedUnasked = 48 * 1024;
#else
inline constexpr unsigned kSharedUnasked = kMaxShared;
#endif
inline constexpr int kUnits = 4;

// --- Memory (memory.cc). Device addresses are addresses of this process. ---
Result MemAlloc(Address* address, std::size_t bytes);
Result MemFree(Address address);
std::size_t FreeBytes();
// Whether [address, address + bytes) lies in one allocation or variable.
bool IsDeviceMemory(Address address, std::size_t bytes);
// A module's variable, which is device memory while it is there.
void AddVariable(Address address, std::size_t bytes);
void RemoveVariable(Address address);
Result HostRegister(void* memory, std::size_t bytes);
Result HostUnregister(void* memory);
bool IsRegistered(const void* memory, std::size_t bytes);

// --- Streams and events (streams.cc) ---
Result StreamCreate(Stream* stream);
Result StreamDestroy(Stream stream);  // once its work has ended
Result StreamSynchronize(Stream stream);
Result StreamWaitEvent(Stream stream, Event event);
Result EventCreate(Event* event);
Result EventDestroy(Event event);
Result EventRecord(Event event, Stream stream);
Result EventQuery(Event event);
Result EventSynchronize(Event event);
Result EventElapsedTime(float* milliseconds, Event start, Event end);
// Runs `work` in the stream's order. What it returns, if not kSuccess, is every call's result from
// then on, as after the fault of a kernel.
Result Enqueue(Stream stream, std::function<Result()> work);
// That result; kSuccess while all is well.
Result Sticky();
// As a new process would find it.
void Recover();

// --- Modules (modules.cc) ---
Result ModuleLoad(Module* module, const void* image);
Result ModuleUnload(Module module);
Result ModuleGetFunction(Function* function, Module module, const char* name);
Result ModuleGetGlobal(Address* address, std::size_t* bytes, Module module, const char* name);

Result AllowDynamicShared(Function function, unsigned bytes);
unsigned MostDynamicShared(Function function);

struct Shape {
  unsigned grid[3];
  unsigned block[3];
  std::uint64_t Blocks() const { return std::uint64_t{grid[0]} * grid[1] * grid[2]; }
  std::uint64_t Threads() const { return std::uint64_t{block[0]} * block[1] * block[2]; }
};
// Runs a whole grid. The arguments are laid out as in a C struct.
using KernelBody = Result (*)(Module module, const std::byte* args, const Shape& shape,
                              std::byte* dynamic_shared);
struct BuiltIn {
  const char* name;
  KernelBody body;
};
// kernels.cc
const std::vector<BuiltIn>& BuiltIns();
Result LaunchKernel(Function function, const Shape& shape, unsigned dynamic_shared, Stream stream,
                    const std::byte* args, std::size_t args_bytes);

}  // namespace standin

#endif  // AMDGPU_TESTS_SUPPORT_STANDIN_STANDIN_H_
