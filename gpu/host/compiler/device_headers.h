// The headers that a kernel's source can include, held in this binary: no file of the machine is
// ever read for a compile.

#ifndef AMDGPU_GPU_HOST_COMPILER_DEVICE_HEADERS_H_
#define AMDGPU_GPU_HOST_COMPILER_DEVICE_HEADERS_H_

#include <cstddef>
#include <string>
#include <vector>

#include "llvm/ADT/IntrusiveRefCntPtr.h"
#include "llvm/Support/VirtualFileSystem.h"

namespace amdgpu::hostcc {

// One header: its path below kHeaderRoot and its text. The table is generated at build time.
struct EmbeddedHeader {
  const char* path;
  const char* text;
};
extern const EmbeddedHeader kEmbeddedHeaders[];
extern const std::size_t kEmbeddedHeaderCount;

// Where the headers appear in the compiler's file system, which exists in memory only.
inline constexpr char kHeaderRoot[] = "/device/include";
inline constexpr char kPreludePath[] = "/device/include/amdgpu/prelude.h";

// A file system that holds the headers and nothing else.
llvm::IntrusiveRefCntPtr<llvm::vfs::InMemoryFileSystem> DeviceHeaderFileSystem();

// The folders to search, in order.
std::vector<std::string> DeviceIncludePaths();

}  // namespace amdgpu::hostcc

#endif  // AMDGPU_GPU_HOST_COMPILER_DEVICE_HEADERS_H_
